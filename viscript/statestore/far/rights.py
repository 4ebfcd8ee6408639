"""What a host may write in a store that is served to it, by its role. Pure.

All of a cluster read everything. A host whose key has no more than `view` says how it stands, and takes what
it is to hold alone; what is wanted of the cluster is written by those that may operate it. Orders are signed
besides: this is the second line, which keeps a host from wiping out what others wrote.

What such a host takes stands under a short lease, so that nothing stays taken when it is put out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from viscript.statestore.api import Get, Op, Put
from viscript.statestore.errors import Refused
from viscript.verbs.roles import permits
from viscript.verbs.table import Role

OWN: Final = ("alive/", "observed/")  # behind these stands the key of the host
SHARED: Final = ("run/", "lock/", "requests/", "assign/")
LASTING: Final = "assign/"  # what is planned holds under no lease; the next plan sets it right
LEADER: Final = "leader"
LEASE_MAX_S: Final = 60


def check_writes(operations: Sequence[Op], *, key: bytes, role: Role) -> None:
    """Raises `Refused` for what this host may not write."""
    if permits(role, Role.OPERATE):
        return
    for one in operations:
        if not _may_write(one, key):
            raise Refused(f"the role {role} may not write {one.key}; an admin can give operate")
        if isinstance(one, Put) and not one.lease and not one.key.startswith(LASTING):
            raise Refused(f"the role {role} writes {one.key} under a lease only; an admin can give operate")


def check_lease(lease: int, what: str, *, role: Role) -> None:
    """Raises `Refused` for the end of a lease that another was granted, and for keeping it."""
    if not permits(role, Role.OPERATE):
        raise Refused(f"the role {role} may not {what} the lease {lease:x} of another host")


def _may_write(one: Op, key: bytes) -> bool:
    if isinstance(one, Get) or one.key == LEADER or one.key.startswith(SHARED):
        return True
    return any(
        one.key == f"{place}{key.hex()}" or one.key.startswith(f"{place}{key.hex()}/") for place in OWN
    )


def check_ttl(ttl_s: int, *, role: Role) -> None:
    """Raises `Refused` for a lease by which something would stay taken for long."""
    if ttl_s > LEASE_MAX_S and not permits(role, Role.OPERATE):
        raise Refused(f"the role {role} may have leases of {LEASE_MAX_S} s at most, not {ttl_s} s")
