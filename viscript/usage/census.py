"""Whose process is it, and what do the processes of each app use together. Pure.

A process belongs to the nearest leader among its ancestors. An orphan has lost them: then its session tells
(each app is started in its own), and one that left that too stays with the app it was last seen in.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from viscript.supervisor.api import Tree
from viscript.usage.meter import Meter
from viscript.usage.process import Process


class Seen(NamedTuple):
    """What an earlier count found of a process."""

    started: float
    seq: int
    meter: Meter


def owners(
    processes: Mapping[int, Process], leaders: Mapping[int, int], seen: Mapping[int, Seen]
) -> dict[int, int]:
    """The seq of every process that belongs to an app; `leaders` maps pid to seq."""
    found: dict[int, int | None] = dict(leaders)
    alive = frozenset(leaders.values())
    for pid in processes:
        path: list[int] = []
        owner: int | None = None
        at = pid
        while at in processes and at not in found:
            found[at] = None  # a ring of parents ends here
            path.append(at)
            owner = _by_itself(processes[at], leaders, seen, alive)
            if owner is not None:
                break
            at = processes[at].ppid
        else:
            owner = found.get(at)
        for step in path:
            found[step] = owner
    return {pid: seq for pid, seq in found.items() if seq is not None and pid in processes}


def _by_itself(
    process: Process, leaders: Mapping[int, int], seen: Mapping[int, Seen], alive: frozenset[int]
) -> int | None:
    """The owner an orphan shows without its ancestors."""
    if process.ppid in leaders:
        return leaders[process.ppid]
    if process.session in leaders:
        return leaders[process.session]
    before = seen.get(process.pid)
    if before is not None and before.started == process.started and before.seq in alive:
        return before.seq
    return None


class Census:
    """Sums by app. Between two counts it remembers each process, to tell its use since and to keep strays."""

    def __init__(self, age: Callable[[Process], float]) -> None:
        self._age = age
        self._seen: dict[int, Seen] = {}
        self._trees: dict[int, Tree] = {}
        self._owners: dict[int, int] = {}

    @property
    def trees(self) -> Mapping[int, Tree]:
        """Sums by seq, of the newest count."""
        return self._trees

    @property
    def owners(self) -> Mapping[int, int]:
        """Seq by pid, of the newest count."""
        return self._owners

    def count(
        self, processes: Iterable[Process], leaders: Mapping[int, int], *, now: float
    ) -> Mapping[int, Tree]:
        """Sum up; `leaders` maps pid to seq."""
        by_pid = {process.pid: process for process in processes}
        self._owners = owners(by_pid, leaders, self._seen)
        self._seen = {pid: self._meet(by_pid[pid], seq, now) for pid, seq in self._owners.items()}
        sums: dict[int, tuple[float, int, int]] = {}
        for pid, seen in self._seen.items():
            process = by_pid[pid]
            cpu, rss, number = sums.get(seen.seq, (0.0, 0, 0))
            cpu += seen.meter.percent(now, process.cpu_seconds)
            sums[seen.seq] = (cpu, rss + process.rss_bytes, number + 1)
        self._trees = {
            seq: Tree(cpu_percent=cpu, rss_bytes=rss, processes=number)
            for seq, (cpu, rss, number) in sums.items()
        }
        return self._trees

    def _meet(self, process: Process, seq: int, now: float) -> Seen:
        before = self._seen.get(process.pid)
        if before is not None and before.started == process.started:
            return before._replace(seq=seq)
        return Seen(process.started, seq, Meter(now - self._age(process)))
