"""The sampler: a figure pair of each app at every beat, everything about some apps when asked.

Long work is cut into pieces, so that it can be done in turns. The census of all processes, which the tree
sums need, is dear, and so are the details of a process: a look at them costs ten cheap ones. The census
comes with every fifth pass. Who asks for a few apps gets all of it anew; who asks for many gets cheap figures
of this moment beside dear ones that are at most `KEPT_S` old, and is told how old they are
(docs/decisions/0034-dear-figures-of-many-apps.md).
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import islice
from math import inf
from typing import Final

from viscript.supervisor.api import Tree, Usage
from viscript.usage.census import Census
from viscript.usage.history import POINTS, History, Point
from viscript.usage.meter import Meter
from viscript.usage.pacing import at_once, in_turns
from viscript.usage.probe import Probe, default_probe
from viscript.usage.process import Detail, Process

log = logging.getLogger(__name__)

INTERVAL_S: Final = 2.0
KEPT_S: Final = 2.0
FEW: Final = 16  # apps of which everything is looked at anew
_SLICE: Final = 64  # kept-open looks between two yields, and rows of an answer
_COLD_SLICE: Final = 16  # looks that open their file
_CENSUS_EVERY: Final = 5


class _Watched:
    """One leader: the process as last seen, its use, its past, and its details once somebody asked."""

    __slots__ = ("detail", "detailed_at", "history", "meter", "process")

    def __init__(self, process: Process, history: History, meter: Meter) -> None:
        self.process = process
        self.history = history
        self.meter = meter
        self.detail = Detail()
        self.detailed_at = -inf


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
        self._counted_at = -inf
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
        """Sample for ever, never holding up the event loop; without a descriptor to spare, later."""
        while True:
            try:
                await in_turns(self._beat())
            except OSError as exc:
                log.warning("no figures of the apps for now: %s", exc)
            await asyncio.sleep(interval)

    def full(self, seqs: Iterable[int]) -> list[Usage]:
        """As `fresh`, in one go and without names."""
        return at_once(self._full(dict.fromkeys(seqs, "")))

    async def fresh(self, names: Mapping[int, str]) -> list[Usage]:
        """Figures with everything of the named apps, by seq; those that are not running are left out."""
        return await in_turns(self._full(names))

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

    def _sample(self, seq: int, pid: int, now: float) -> None:
        watched = self._watched.get(seq)
        if watched is not None and watched.process.pid != pid:
            self._probe.unwatch(watched.process.pid)
        process = self._probe.watch(pid)
        if process is None:
            self._quick.pop(seq, None)
            return
        if watched is None or not _is_same(watched.process, process):
            watched = self._meet(seq, process, now)
        watched.process = process
        cpu_percent = watched.meter.percent(now, process.cpu_seconds)
        watched.history.add(now, cpu_percent, process.rss_bytes)
        self._quick[seq] = (cpu_percent, process.rss_bytes)

    def _meet(self, seq: int, process: Process, now: float) -> _Watched:
        """A new run of an app: its past figures stay, its meter starts anew."""
        before = self._watched.get(seq)
        history = before.history if before is not None else History(self._points)
        watched = _Watched(process, history, Meter(now - self._probe.uptime(process)))
        self._watched[seq] = watched
        return watched

    def _forget(self, seq: int) -> None:
        self._probe.unwatch(self._watched.pop(seq).process.pid)
        self._quick.pop(seq, None)

    def _count(self, leaders: Mapping[int, int]) -> Generator[None, None, None]:
        """The census: one look at every process of the host."""
        by_pid = {pid: seq for seq, pid in leaders.items()}
        kept = {watched.process.pid for watched in self._watched.values()}
        processes: list[Process] = []
        pids = iter(self._probe.pids())
        while chunk := tuple(islice(pids, _COLD_SLICE)):
            looks = (self._probe.watch(pid) if pid in kept else self._probe.look(pid) for pid in chunk)
            processes += [process for process in looks if process is not None]
            yield
        self._counted_at = self._clock()
        self._census.count(processes, by_pid, now=self._counted_at)

    def _full(self, names: Mapping[int, str]) -> Generator[None, None, list[Usage]]:
        leaders = dict(self._leaders())
        now = self._clock()
        good_since = now if len(names) <= FEW else now - KEPT_S
        if self._counted_at < good_since:
            yield from self._count(leaders)
        yield from self._pass(self._clock(), leaders, names)
        rows = []
        for place, (seq, name) in enumerate(names.items()):
            watched = self._watched.get(seq)
            if watched is None or seq not in self._quick:
                continue
            if watched.detailed_at < good_since:
                self._look_closer(watched)
                yield
            elif place % _SLICE == 0:
                yield
            rows.append(self._usage(seq, name, watched, now))
        return rows

    def _look_closer(self, watched: _Watched) -> None:
        watched.detailed_at = self._clock()
        watched.detail = self._probe.detail(watched.process.pid)

    def _usage(self, seq: int, name: str, watched: _Watched, asked: float) -> Usage:
        process, detail, tree = watched.process, watched.detail, self._census.trees.get(seq)
        return Usage(
            id=seq,
            name=name,
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
            kept_seconds=max(0.0, asked - min(watched.detailed_at, self._counted_at)),
        )


def _is_same(one: Process, other: Process) -> bool:
    return one.pid == other.pid and one.started == other.started
