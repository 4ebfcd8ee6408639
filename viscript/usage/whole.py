"""What all processes of a few apps use together, now: for apps with limits.

An app with a cgroup of its own costs a look at its own processes; as soon as one has none, every process of
the host is looked at to tell whose it is.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import islice
from typing import Final

from viscript.config.model import Limits
from viscript.keeper.groups import cpu_seconds_of, group_of, pids_in
from viscript.supervisor.limits import Figures
from viscript.usage.census import Census
from viscript.usage.meter import Meter
from viscript.usage.pacing import in_turns
from viscript.usage.probe import Probe
from viscript.usage.process import Process

_SLICE: Final = 64


class Whole:
    """Remembers each process between two looks, to tell how busy it was."""

    def __init__(
        self,
        leaders: Callable[[], Mapping[int, int]],
        clock: Callable[[], float],
        probe: Probe,
        home: int | None,
    ) -> None:
        self._leaders = leaders
        self._clock = clock
        self._probe = probe
        self._home = home
        self._census = Census(probe.uptime)
        self._meters: dict[int, Meter] = {}  # of groups, by the leader that they are for

    async def measure(self, wanted: Mapping[int, Limits]) -> Mapping[int, Figures]:
        """The figures of these apps, as far as their limits need them; one that ended is left out."""
        return await in_turns(self._measure(wanted))

    def _measure(self, wanted: Mapping[int, Limits]) -> Generator[None, None, dict[int, Figures]]:
        leaders = {pid: seq for seq, pid in self._leaders().items()}
        groups = self._groups({seq: pid for pid, seq in leaders.items() if seq in wanted})
        grouped = {pid: seq for seq, folder in groups.items() for pid in pids_in(folder)}
        lonely = wanted.keys() - set(grouped.values())
        processes: dict[int, Process] = {}
        pids = iter(self._probe.pids() if lonely & set(leaders.values()) else grouped)
        while chunk := tuple(islice(pids, _SLICE)):
            looks = (self._probe.look(pid) for pid in chunk)
            processes |= {process.pid: process for process in looks if process is not None}
            yield
        now = self._clock()
        trees = self._census.count(processes.values(), {**grouped, **leaders}, now=now)
        busy = self._busy({seq: (pid, groups[seq]) for pid, seq in leaders.items() if seq in groups}, now)
        found = {}
        for seq in wanted.keys() & trees.keys():
            mine = [processes[pid] for pid, owner in self._census.owners.items() if owner == seq]
            found[seq] = self._figures(wanted[seq], mine, max(trees[seq].cpu_percent, busy.get(seq, 0.0)))
            yield
        return found

    def _groups(self, leaders: Mapping[int, int]) -> dict[int, str]:
        """The group of each app that has one."""
        if self._home is None:
            return {}
        found = ((seq, group_of(leader, seq, self._home)) for seq, leader in leaders.items())
        return {seq: folder for seq, folder in found if folder is not None}

    def _busy(self, runs: Mapping[int, tuple[int, str]], now: float) -> dict[int, float]:
        """How busy each group was, also with processes that came and went between two looks."""
        busy: dict[int, float] = {}
        meters = {}
        for seq, (leader, folder) in runs.items():
            used = cpu_seconds_of(folder)
            if used is not None:
                meters[leader] = self._meters.get(leader) or Meter(now, used)
                busy[seq] = meters[leader].percent(now, used)
        self._meters = meters
        return busy

    def _figures(self, limits: Limits, processes: list[Process], cpu: float) -> Figures:
        return Figures(
            memory=self._memory(limits, processes),
            cpu=cpu,
            fds=_sum(self._probe.fds(one.pid) for one in processes) if limits.fds is not None else None,
            threads=sum(process.threads for process in processes),
        )

    def _memory(self, limits: Limits, processes: list[Process]) -> int:
        """What is in memory; where that is too much, what processes share is counted once."""
        rss = sum(process.rss_bytes for process in processes)
        if limits.memory is None or rss <= limits.memory.max or len(processes) < 2:
            return rss
        return sum(map(self._share, processes))

    def _share(self, process: Process) -> int:
        """What one holds of the memory; nothing when it has ended since, all it has where nobody tells."""
        share = self._probe.pss(process.pid)
        if share is not None:
            return share
        still = self._probe.look(process.pid)
        return still.rss_bytes if still is not None else 0


def _sum(figures: Iterable[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
