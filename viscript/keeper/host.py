"""What the keeper needs of the system, behind one seam: `linux` where it can, `portable` everywhere else.

`VISCRIPT_PORTABLE=1` forces the portable one, so that it is tested where Linux is.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from viscript.keeper.groups import Groups
from viscript.keeper.policy import Exit

PROTECTED: Final = 1  # never signalled, whatever a scan says


class Process(NamedTuple):
    """One process of the system, as far as a tree needs it. `tag` is the id of the app it descends from."""

    pid: int
    ppid: int
    pgid: int
    sid: int
    state: str
    start: int
    tag: int | None


class Host(Protocol):
    """One system. A process is (pid, start): a pid alone may be another's by now."""

    name: str
    tags: bool  # whether processes can be marked

    def identity(self) -> str:
        """What pids are good for: another boot or pid namespace is another world."""

    def become_parent_of_orphans(self) -> None:
        """Let what apps leave behind become our children, where the system can."""

    def set_tag(self, seq: int) -> None:
        """Mark every process spawned from here on as one of app `seq`."""

    def clear_tag(self) -> None:
        """Mark no more."""

    def tag_of(self, pid: int) -> int | None:
        """The app that a process was marked for; None for a foreign one."""

    def start_of(self, pid: int) -> int | None:
        """When a process began, in the system's own unit; None when there is none."""

    def start_clock(self) -> int:
        """Now, in the unit of start times. What begins while this stands still began then."""

    def is_alive(self, pid: int, start: int | None) -> bool:
        """Whether that very process exists and is no zombie."""

    def lone(self, pid: int) -> Process | None:
        """A child of ours, when it has one thread and no child: then it is all there is below it."""

    def children(self) -> set[int] | None:
        """Children that our first thread did not wait for, orphans among them; None where nobody says."""

    def groups(self, earlier: str) -> Groups:
        """Where apps get groups of their own: where an earlier keeper had them, if that can be used."""

    def scan(self) -> list[Process]:
        """All processes that we may see."""

    def group_lives(self, pgid: int) -> bool:
        """Whether a process group has members."""

    def watch(self, pid: int) -> int | None:
        """A descriptor that can be read once a process that is not our child has ended; None: poll."""

    def exit_of(self, pid: int, start: int | None, watcher: int | None) -> Exit | None:
        """How a process that is not our child ended: None while it lives, unknown when nobody can tell."""

    def send(self, pid: int, start: int | None, signum: int) -> bool:
        """Signal that very process; whether it was still there. Raises PermissionError."""

    def move(self, source: int, file: int, offset: int, most: int) -> int:
        """Move bytes from a pipe into a file at `offset` without losing any to a kill, where possible."""


def choose(home: int, environ: Mapping[str, str]) -> Host:
    """The best host there is; `home` is the number that this home's tags carry."""
    if sys.platform == "linux" and environ.get("VISCRIPT_PORTABLE") != "1":
        from viscript.keeper.linux import Linux

        return Linux(home)
    from viscript.keeper.portable import Portable

    return Portable()


def home_number(root: str) -> int:
    """The 20 bits by which this home's processes are told from another's."""
    import zlib

    return zlib.crc32(os.fsencode(os.path.realpath(root))) >> 12
