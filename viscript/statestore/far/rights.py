"""What a host may write in a store that is served to it: by its role, and by what is its own there. Pure.

All of a cluster read everything. A host whose key has no more than `view` says how it stands, and takes what
it is to hold alone; what is wanted of the cluster is written by those that may operate it. Orders are signed
besides: this is the second line, which keeps a host from wiping out what others wrote.

    key                          by whom
    alive/KEY, observed/KEY/...  the host of that key; with the role view, under a lease
    run/, lock/, requests/       any host; with the role view, under a lease
    audit/KEY/...                made by the host of that key and never changed; taken away by who leads
    leader                       operate and more
    assign/...                   operate and more, and only the host under whose lease `leader` is
    all else                     operate and more

Whatever its role, a host changes no key that stands under a lease of another, and uses, keeps and ends no
lease but its own. What a host takes with the role view stands under a short lease, so that nothing stays
taken when it is put out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from viscript.statestore.api import Get, Op, Put
from viscript.statestore.errors import Refused
from viscript.statestore.shared import Ground, Guard
from viscript.verbs.roles import permits
from viscript.verbs.table import Role

OWN: Final = ("alive/", "observed/", "audit/")  # behind these stands the key of the host
CLAIMED: Final = ("run/", "lock/", "requests/")
PLANNED: Final = "assign/"
COPIES: Final = "audit/"
LEADER: Final = "leader"
LEASE_MAX_S: Final = 60


def check_writes(operations: Sequence[Op], *, key: bytes, role: Role) -> None:
    """Raises `Refused` for what this host may not write, whatever is there."""
    for one in operations:
        if isinstance(one, Put) and one.key.startswith(COPIES) and not _is_own(one.key, key):
            raise Refused(f"{one.key} is for copies of another host's audit")
        if not permits(role, Role.OPERATE):
            _check_viewer(one, key, role)


def _check_viewer(one: Op, key: bytes, role: Role) -> None:
    if isinstance(one, Get):
        return
    if not (_is_own(one.key, key) or one.key.startswith(CLAIMED)):
        raise Refused(f"the role {role} may not write {one.key}; an admin can give operate")
    if isinstance(one, Put) and not one.lease and not one.key.startswith(COPIES):
        raise Refused(f"the role {role} writes {one.key} under a lease only; an admin can give operate")


def _is_own(written: str, key: bytes) -> bool:
    return any(
        written == f"{place}{key.hex()}" or written.startswith(f"{place}{key.hex()}/") for place in OWN
    )


def guard_of(key: bytes) -> Guard:
    """Refuses what this host may not change as it stands."""

    def guard(ground: Ground, operations: Sequence[Op]) -> None:
        for one in operations:
            if not isinstance(one, Get):
                _check_held(ground, one, key)
                _check_lead(ground, one, key)

    return guard


def _check_held(ground: Ground, one: Op, key: bytes) -> None:
    """What others hold stays, and their leases are theirs."""
    held = ground.item(one.key)
    if held is not None and held.lease and ground.owner(held.lease) != key:
        raise Refused(f"{one.key} is held by another host, under its lease {held.lease:x}")
    if isinstance(one, Put):
        if one.lease:
            check_lease(ground.owner(one.lease), one.lease, "use", key=key)
        if held is not None and one.key.startswith(COPIES):
            raise Refused(f"{one.key} is there already: a copy of the audit is never changed")


def _check_lead(ground: Ground, one: Op, key: bytes) -> None:
    """Plans are written, and old copies of the audit taken away, by the host that leads."""
    if not one.key.startswith(PLANNED) and (isinstance(one, Put) or not one.key.startswith(COPIES)):
        return
    leader = ground.item(LEADER)
    if leader is None or ground.owner(leader.lease) != key:
        raise Refused(f"{one.key} is written by the host that leads, which is another")


def check_lease(owner: bytes | None, lease: int, what: str, *, key: bytes) -> None:
    """Raises `Refused` for a lease of another host. One that has ended is nobody's: the store says so."""
    if owner is not None and owner != key:
        raise Refused(f"this host may not {what} the lease {lease:x} of another host")


def check_ttl(ttl_s: int, *, role: Role) -> None:
    """Raises `Refused` for a lease by which something would stay taken for long."""
    if ttl_s > LEASE_MAX_S and not permits(role, Role.OPERATE):
        raise Refused(f"the role {role} may have leases of {LEASE_MAX_S} s at most, not {ttl_s} s")
