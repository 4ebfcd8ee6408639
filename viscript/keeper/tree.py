"""Which processes belong to which app, out of one scan of all. Pure.

A process belongs to the app in whose group it is; else to the one whose tag it carries; else to the app in
whose session it is; else to its parent's. So a descendant is found that left its session, lost its parent
or emptied its environment, and where there are groups also one that threw its tag away as well.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from viscript.keeper.host import PROTECTED, Process

Members = dict[int, list[Process]]  # by the app's id

_ZOMBIE = "ZX"


def is_zombie(process: Process) -> bool:
    """Whether nothing but an exit code is left of it."""
    return process.state in _ZOMBIE


def members(
    processes: Iterable[Process],
    sessions: Mapping[int, int],
    keeper: int,
    grouped: Mapping[int, int] = MappingProxyType({}),
) -> Members:
    """The living processes of each app.

    `sessions` maps a session to the app whose leader made it,
    `grouped` a pid to the app whose group holds it.
    """
    table = {process.pid: process for process in processes}
    owners: dict[int, int | None] = {**grouped, keeper: None, PROTECTED: None, 0: None}
    found: Members = {}
    for process in table.values():
        owner = _owner(process, table, sessions, owners)
        if owner is not None and not is_zombie(process):
            found.setdefault(owner, []).append(process)
    return found


def _owner(
    process: Process,
    table: Mapping[int, Process],
    sessions: Mapping[int, int],
    owners: dict[int, int | None],
) -> int | None:
    """Walk up until an owner is known; remember it for all on the way."""
    way: list[int] = []
    owner: int | None = None
    at: Process | None = process
    while at is not None:
        if at.pid in owners:
            owner = owners[at.pid]
            break
        way.append(at.pid)
        owner = at.tag if at.tag is not None else sessions.get(at.sid)
        if owner is not None or at.ppid in way:
            break
        at = table.get(at.ppid)
    for pid in way:
        owners[pid] = owner
    return owner


def oldest(processes: Iterable[Process]) -> Process | None:
    """The one that began first; of equals the smaller pid."""
    return min(processes, key=lambda process: (process.start, process.pid), default=None)
