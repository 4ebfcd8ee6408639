"""Who answers on a port of this host, when an app is asked there whether it is ready.

A second copy of a server finds its port taken, and its check is answered by the first: that proves nothing.
"""

import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path

from viscript.diagnose.bound import Bound
from viscript.diagnose.conflict import Holder, PortConflict, choose
from viscript.diagnose.holders import Holders, default_holders


def is_here(host: str) -> bool:
    """Whether the address can only be one of this host: a name or a public address may lead elsewhere."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def held_by_another(
    host: str,
    port: int,
    *,
    seq: int,
    pid: int,
    seq_of: Callable[[int], int | None],
    holders: Holders | None = None,
) -> PortConflict | None:
    """Who listens there in place of app `seq`, whose leader is `pid`; None if it does, or nobody is known."""
    holders = holders or default_holders()
    listeners = [one for one in holders.bound() if one.protocol[:3] == "tcp" and one.clashes(port, host)]
    if not listeners or _holds(pid, listeners):
        return None
    found = [
        Holder(pid=each, process=holders.name(each), id=seq_of(each))
        for listener in listeners
        for each in holders.of_socket(listener)
    ]
    if any(holder.id == seq for holder in found):
        return None
    holder = choose(found)
    if holder is None:  # another user's or another container's
        return None
    return PortConflict(port=port, pid=holder.pid, process=holder.process, id=holder.id)


def _holds(pid: int, listeners: Sequence[Bound]) -> bool:
    """A quick look at one process; most servers listen in their first."""
    wanted = {f"socket:[{listener.inode}]" for listener in listeners}
    try:
        return any(_target(descriptor) in wanted for descriptor in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # gone, not ours to see, or no such system: the long way
        return False


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # closed meanwhile
        return ""
