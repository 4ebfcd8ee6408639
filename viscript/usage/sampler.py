"""The sampler: a figure pair of each app at every beat, everything about a few apps when asked.

A pass over 1,000 apps is cut into slices of about a millisecond. The census of all processes, which the tree
sums need, is dearer: it comes with every fifth pass, and anew with each `full` or `fresh`.
"""

import asyncio
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from viscript.supervisor.api import Tree, Usage
from viscript.usage.census import Census
from viscript.usage.history import POINTS, History, Point
from viscript.usage.meter import Meter
from viscript.usage.pacing import at_once, in_turns
from viscript.usage.probe import Probe, default_probe
from viscript.usage.process import Detail, Process

INTERVAL_S: Final = 2.0
_SLICE: Final = 200  # kept-open looks between two yields
_COLD_SLICE: Final = 64  # looks that open their file
_CENSUS_EVERY: Final = 5


class _Watched:
    """One leader: which process it is, its use, its past."""

    __slots__ = ("history", "meter", "pid", "started")

    def __init__(self, process: Process, history: History, meter: Meter) -> None:
        self.pid = process.pid
        self.started = process.started
        self.history = history
        self.meter = meter


class Sampler:
    """Implements `UsageSource`. `leaders` tells the pid of each running seq; `clock` is monotonic."""

    def __init__(
        self,
        leaders: Callable[[], Mapping[int, int]],
        clock: Callable[[], float],
        *,
        probe: Probe | None = None,
        points: int = POINTS,
    ) -> None:
        self._leaders = leaders
        self._clock = clock
        self._probe = probe if probe is not None else default_probe()
        self._points = points
        self._watched: dict[int, _Watched] = {}
        self._quick: dict[int, tuple[float, int]] = {}
        self._census = Census(self._probe.uptime)
        self._passes = 0

    def quick(self) -> dict[int, tuple[float, int]]:
        """(cpu percent, rss bytes) by seq, from the newest sample; no I/O."""
        return dict(self._quick)

    def trees(self) -> dict[int, Tree]:
        """Tree sums by seq, from the newest census; no I/O."""
        return dict(self._census.trees)

    def owners(self) -> dict[int, int]:
        """Seq by pid of every process of an app, from the newest census; no I/O."""
        return dict(self._census.owners)

    def history(self, seq: int, since: float = 0.0) -> list[Point]:
        """The kept figures of one app, oldest first; times are of `clock`."""
        watched = self._watched.get(seq)
        return watched.history.points(since) if watched is not None else []

    def tick(self, now: float, seqs: Iterable[int] | None = None) -> None:
        """Sample all apps, or only some (those with limits), in one go; the census stays as it was."""
        at_once(self._pass(now, dict(self._leaders()), seqs))

    async def run(self, interval: float = INTERVAL_S) -> None:
        """Sample for ever, never holding up the event loop."""
        while True:
            await in_turns(self._beat())
            await asyncio.sleep(interval)

    def full(self, seqs: Sequence[int]) -> list[Usage]:
        """Fresh figures with everything, for a few apps; those that are not running are left out."""
        return at_once(self._full(seqs))

    async def fresh(self, seqs: Sequence[int]) -> list[Usage]:
        """The same for any number of apps, without holding up the event loop."""
        return await in_turns(self._full(seqs))

    def close(self) -> None:
        """Let go of all descriptors."""
        self._probe.close()
        self._watched.clear()
        self._quick.clear()

    def _beat(self) -> Generator[None, None, None]:
        leaders = dict(self._leaders())
        yield from self._pass(self._clock(), leaders, None)
        if self._passes % _CENSUS_EVERY == 0:
            yield from self._count(leaders)
        self._passes += 1

    def _pass(
        self, now: float, leaders: Mapping[int, int], seqs: Iterable[int] | None
    ) -> Generator[None, None, None]:
        """One look at each leader, by the descriptors kept open."""
        for seq in [seq for seq in self._watched if seq not in leaders]:
            self._forget(seq)
        wanted = iter(leaders if seqs is None else [seq for seq in seqs if seq in leaders])
        while chunk := tuple(islice(wanted, _SLICE)):
            for seq in chunk:
                self._sample(seq, leaders[seq], now)
            yield

    def _sample(self, seq: int, pid: int, now: float) -> Process | None:
        watched = self._watched.get(seq)
        if watched is not None and watched.pid != pid:
            self._probe.unwatch(watched.pid)
        process = self._probe.watch(pid)
        if process is None:
            self._quick.pop(seq, None)
            return None
        if watched is None or watched.pid != pid or watched.started != process.started:
            watched = self._meet(seq, process, now)
        cpu_percent = watched.meter.percent(now, process.cpu_seconds)
        watched.history.add(now, cpu_percent, process.rss_bytes)
        self._quick[seq] = (cpu_percent, process.rss_bytes)
        return process

    def _meet(self, seq: int, process: Process, now: float) -> _Watched:
        """A new run of an app: its past figures stay, its meter starts anew."""
        before = self._watched.get(seq)
        history = before.history if before is not None else History(self._points)
        watched = _Watched(process, history, Meter(now - self._probe.uptime(process)))
        self._watched[seq] = watched
        return watched

    def _forget(self, seq: int) -> None:
        self._probe.unwatch(self._watched.pop(seq).pid)
        self._quick.pop(seq, None)

    def _count(self, leaders: Mapping[int, int]) -> Generator[None, None, Mapping[int, Tree]]:
        """The census: one look at every process of the host."""
        by_pid = {pid: seq for seq, pid in leaders.items()}
        kept = {watched.pid for watched in self._watched.values()}
        processes: list[Process] = []
        pids = iter(self._probe.pids())
        while chunk := tuple(islice(pids, _COLD_SLICE)):
            looks = (self._probe.watch(pid) if pid in kept else self._probe.look(pid) for pid in chunk)
            processes += [process for process in looks if process is not None]
            yield
        return self._census.count(processes, by_pid, now=self._clock())

    def _full(self, seqs: Sequence[int]) -> Generator[None, None, list[Usage]]:
        leaders = dict(self._leaders())
        trees = yield from self._count(leaders)
        usages = []
        for seq in seqs:
            process = self._sample(seq, leaders[seq], self._clock()) if seq in leaders else None
            if process is not None:
                usages.append(self._usage(seq, process, trees.get(seq)))
            yield
        return usages

    def _usage(self, seq: int, process: Process, tree: Tree | None) -> Usage:
        detail: Detail = self._probe.detail(process.pid)
        return Usage(
            id=seq,
            cpu_percent=self._quick[seq][0],
            rss_bytes=process.rss_bytes,
            uss_bytes=detail.uss_bytes,
            threads=process.threads,
            fds=detail.fds,
            read_bytes=detail.read_bytes,
            write_bytes=detail.write_bytes,
            sockets=detail.sockets,
            children=tree.processes - 1 if tree is not None else None,
            uptime_seconds=self._probe.uptime(process),
            tree=tree,
        )
