"""What the kernel tells of processes: their CPU, memory, descendants and ends. Linux only."""

import os
import select
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bench import child

_TICKS = os.sysconf("SC_CLK_TCK")
_MIB_KIB = 1024


class Memory(NamedTuple):
    """MiB of all the processes asked for."""

    rss: float
    pss: float


class Process(NamedTuple):
    """A line of /proc."""

    pid: int
    parent: int
    name: str
    state: str
    ticks: int


def process(pid: int) -> Process | None:
    """One process; None when it is gone."""
    try:
        head, _, tail = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
    except OSError:
        return None
    words = tail.split()
    return Process(pid, int(words[1]), head.partition("(")[2], words[0], int(words[11]) + int(words[12]))


def processes() -> list[Process]:
    """All processes."""
    found = (process(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [one for one in found if one is not None]


def family(roots: Iterable[int], everybody: Iterable[Process] | None = None) -> list[int]:
    """The roots and their descendants, without the test children: what a supervisor costs."""
    below: dict[int, list[int]] = {}
    names = {}
    for one in processes() if everybody is None else everybody:
        below.setdefault(one.parent, []).append(one.pid)
        names[one.pid] = one.name
    members: dict[int, None] = {}
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid not in members and names.get(pid, child.NAME) != child.NAME:
            members[pid] = None
        todo.extend(below.get(pid, ()))
    return list(members)


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of the processes that live."""
    return sum(one.ticks for pid in pids if (one := process(pid))) / _TICKS


def memory(pids: Iterable[int]) -> Memory:
    """What the processes hold; PSS counts a page shared by two as half a page each."""
    found = {"Rss": 0, "Pss": 0}
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            key, _, value = line.partition(":")
            if key in found:
                found[key] += int(value.split()[0])
    return Memory(found["Rss"] / _MIB_KIB, found["Pss"] / _MIB_KIB)


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    one = process(pid)
    return one is not None and one.state != "Z"


def is_child(pid: int) -> bool:
    """Whether a test child runs under this pid."""
    one = process(pid)
    return one is not None and one.name == child.NAME and one.state != "Z"


class Departures:
    """Waits for processes to end, by pidfd."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._poll = select.poll()
        self._open: set[int] = set()
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            self._open.add(fd)
            self._poll.register(fd, select.POLLIN)
        self.expected = len(self._open)

    def wait(self, seconds: float) -> int:
        """How many still live after the time."""
        end = time.monotonic() + seconds
        while self._open and time.monotonic() < end:
            for fd, _ in self._poll.poll(200):
                self._poll.unregister(fd)
                self._open.discard(fd)
                os.close(fd)
        left = len(self._open)
        for fd in self._open:
            os.close(fd)
        self._open.clear()
        return left
