"""Every other Unix: kill(pid, 0), `ps`, read and write. It adopts and stops what it can see.

What is missing against Linux: a descendant that left its session before a stop looked is not found, an
exit nobody waited for has no code, and up to one block of output is lost when the keeper is killed.
"""

import os
import subprocess
import time
from typing import Final

from viscript.keeper.drain import copy
from viscript.keeper.groups import Groups
from viscript.keeper.host import PROTECTED, Process
from viscript.keeper.policy import Exit

_PS: Final = ("ps", "-axo", "pid=,ppid=,pgid=,stat=,lstart=")
_PS_TIMEOUT_S: Final = 5.0
_START_SLACK_S: Final = 2  # `ps` rounds, and derives the start from the uptime


def processes_from(text: str) -> list[Process]:
    """The rows of `ps`; one that does not parse is passed over."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 9 or not all(word.isdecimal() for word in words[:3]):
            continue
        try:
            start = int(time.mktime(time.strptime(" ".join(words[4:9]), "%a %b %d %H:%M:%S %Y")))
        except ValueError:
            continue
        pid = int(words[0])
        found.append(Process(pid, int(words[1]), int(words[2]), _session(pid), words[3][0], start, None))
    return found


class Portable:
    """The host seam without anything that only one system has."""

    name = "portable"
    tags = False

    def identity(self) -> str:
        """The machine; a boot is told by start times alone."""
        return "portable"

    def become_parent_of_orphans(self) -> None:
        """Not possible here."""

    def set_tag(self, seq: int) -> None:
        """Not possible here."""

    def clear_tag(self) -> None:
        """Not possible here."""

    def tag_of(self, pid: int) -> int | None:
        """No process carries a tag here."""
        del pid
        return None

    def start_of(self, pid: int) -> int | None:
        """Seconds since the epoch, rounded."""
        row = self._row(pid)
        return row.start if row else None

    def start_clock(self) -> int:
        """Seconds since the epoch."""
        return int(time.time())

    def is_alive(self, pid: int, start: int | None) -> bool:
        """By `ps`; the start may be off by its rounding."""
        row = self._row(pid)
        if row is None or row.state == "Z":
            return False
        return start is None or abs(row.start - start) <= _START_SLACK_S

    def lone(self, pid: int) -> Process | None:
        """Not told here; the scan finds out."""
        del pid
        return None

    def children(self) -> set[int] | None:
        """Orphans go to init here, so our children say nothing about trees."""
        return None

    def groups(self, earlier: str) -> Groups:
        """None here."""
        del earlier
        return Groups(None)

    def scan(self) -> list[Process]:
        """All rows of `ps`."""
        return processes_from(_ps(*_PS))

    def group_lives(self, pgid: int) -> bool:
        """By signal 0; a group of zombies counts until they are reaped."""
        try:
            os.killpg(pgid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def watch(self, pid: int) -> int | None:
        """Nothing to wait on: the keeper polls."""
        del pid
        return None

    def exit_of(self, pid: int, start: int | None, watcher: int | None) -> Exit | None:
        """Whether it is gone; how, nobody can tell."""
        del watcher
        return None if self.is_alive(pid, start) else Exit()

    def send(self, pid: int, start: int | None, signum: int) -> bool:
        """Look, then kill: there is no handle on a process here."""
        if pid <= PROTECTED or pid == os.getpid():
            return False
        if start is not None and not self.is_alive(pid, start):
            return False
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            return False
        return True

    def move(self, source: int, file: int, offset: int, most: int) -> int:
        """Read, then write."""
        return copy(source, file, offset, most)

    def _row(self, pid: int) -> Process | None:
        rows = processes_from(_ps("ps", "-o", _PS[2], "-p", str(pid)))
        return rows[0] if rows else None


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _ps(*argv: str) -> str:
    environ = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(argv, env=environ, capture_output=True, timeout=_PS_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")
