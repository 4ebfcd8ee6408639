"""Is this process one of that app's? Asked of the kernel for every hello and notification."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

FURTHEST: Final = 64  # generations of forks that are followed upwards


class Kin(NamedTuple):
    """The family of a process, from /proc/PID/stat."""

    parent: int
    session: int


def kin(pid: int) -> Kin | None:
    """Parent and session of a process; None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split()
    return Kin(parent=int(fields[1]), session=int(fields[3]))


def lineage(pid: int) -> Iterator[int]:
    """The process, then the leaders of its session and its parents, upwards; nearest first."""
    at = pid
    for _ in range(FURTHEST):
        yield at
        family = kin(at) if at else None
        if family is None:
            return
        yield family.session
        at = family.parent


def descends(pid: int, leader: int) -> bool:
    """Whether `pid` is the leader, in the leader's session, or below it in the process tree."""
    return leader in lineage(pid)
