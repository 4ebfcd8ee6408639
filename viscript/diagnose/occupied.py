"""Who holds an address that could not be had, for the sentence that refuses a restart."""

from collections.abc import Callable, Iterator
from typing import Final

from viscript.diagnose.conflict import Conflict, FileConflict, Holder, PortConflict, choose
from viscript.diagnose.holders import Holders, default_holders

UNIX: Final = "unix:"


def occupied(
    address: str,
    kind: str,
    *,
    seq: int,
    seq_of: Callable[[int], int | None],
    holders: Holders | None = None,
) -> Conflict | None:
    """Who is at `unix:/PATH` or `HOST:PORT`, a `stream` or `datagram`; None if it is app `seq` itself."""
    holders = holders or default_holders()
    pids = tuple(_pids(address, kind, holders))
    found = [Holder(pid=pid, process=holders.name(pid), id=seq_of(pid)) for pid in pids]
    if any(holder.id == seq for holder in found):
        return None
    one = choose(found)  # nobody: another user's or another container's
    pid, process, id = (None, None, None) if one is None else (one.pid, one.process, one.id)
    if address.startswith(UNIX):
        return FileConflict(path=address.removeprefix(UNIX), pid=pid, process=process, id=id)
    return PortConflict(port=int(address.rpartition(":")[2]), pid=pid, process=process, id=id)


def _pids(address: str, kind: str, holders: Holders) -> Iterator[int]:
    if address.startswith(UNIX):
        yield from holders.of_path(address.removeprefix(UNIX))
        return
    host, _, port = address.rpartition(":")
    protocol = "tcp" if kind == "stream" else "udp"
    for bound in holders.bound():
        if bound.protocol.startswith(protocol) and bound.clashes(int(port), host.strip("[]")):
            yield from holders.of_socket(bound)
