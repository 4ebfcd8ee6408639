"""Carries out a plan: visit after visit, and a fault in one is a line of the report."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench import alone
from bench.floors import FLOORS
from bench.metrics import FLOOR
from bench.peers import PEERS
from bench.plan import BASE, Visit, visits
from bench.results import OURS, Failure, Sample
from bench.sampling import sampling
from bench.scale import Scale
from bench.stage import Stage, visit
from bench.steps.base import STEPS, Figures, spawn
from bench.steps.log import log, words
from bench.steps.respawn import respawn
from bench.steps.starting import starting
from bench.steps.survive import survive

_OWN_VISIT: Final[dict[str, Callable[[Stage, Scale], Figures]]] = {
    "starting": starting,
    "respawn": respawn,
    "log": log,
    "survive": survive,
}


class Run:
    """All samples and failures of one run."""

    def __init__(self, program: Path, tools: Path | None, scale: Scale) -> None:
        self._program = program
        self._tools = tools
        self._scale = scale
        self.samples: list[Sample] = []
        self.failures: list[Failure] = []

    def carry_out(self, rows: Sequence[str], peers: Sequence[str], counts: Sequence[int]) -> None:
        """Every round of all that was chosen."""
        here = [peer for peer in peers if not self._is_missing(peer)]
        for number in range(self._scale.rounds):
            for planned in visits(rows, here, counts):
                self._visit(planned, number)
            self._floors(rows, counts, number)
            self._ours(rows, counts)

    def _is_missing(self, peer: str) -> bool:
        why = PEERS[peer].missing(self._tools)
        if why:
            self.failures.append(Failure(peer, 0, "all", why))
        return bool(why)

    def _visit(self, planned: Visit, number: int) -> None:
        name, count, rows = planned
        if rows == ("starting",) and name != OURS:
            return
        say(f"round {number + 1}: {name} n={count}: {', '.join(rows)}")
        writes = words(self._scale) if rows == ("log",) else ()
        try:
            with visit(PEERS[name], self._tools, self._program, count, writes=writes) as stage:
                self._rows(stage, planned, number)
        except Exception as exc:  # noqa: BLE001 (a peer that does not run is a line of the report)
            self._failed(planned, ", ".join(rows), exc)

    def _rows(self, stage: Stage, planned: Visit, number: int) -> None:
        name, count, rows = planned
        if rows[0] in _OWN_VISIT:
            self._note(name, count, number, _OWN_VISIT[rows[0]](stage, self._scale))
            return
        figures = spawn(stage)
        if "spawn" in rows:
            self._note(name, count, number, figures)
        for row in BASE:
            if row not in rows or row == "spawn":
                continue
            try:
                self._note(name, count, number, STEPS[row](stage, self._scale))
            except Exception as exc:  # noqa: BLE001 (the next step may still work)
                self._failed(planned, row, exc)

    def _floors(self, rows: Sequence[str], counts: Sequence[int], number: int) -> None:
        for row, floor in FLOORS.items():
            if row in rows:
                sizes = (1,) if row == "log" else tuple(count for count in counts if count)
                for count in sizes:
                    self._note(FLOOR, count, number, floor(self._program, count, self._scale))

    def _ours(self, rows: Sequence[str], counts: Sequence[int]) -> None:
        if "sampling" in rows:
            for count in filter(None, counts):
                self.samples += sampling(self._program, count, self._scale)
        if "bus" in rows:
            say("the bus against a plain echo")
            self.samples += alone.of_bus()
        if "plugins" in rows:
            say("pings beside bad plugins")
            self.samples += alone.of_plugins()

    def _note(self, peer: str, count: int, number: int, figures: Figures) -> None:
        self.samples += [Sample(name, count, peer, value, number) for name, value in figures.items()]

    def _failed(self, planned: Visit, row: str, exc: Exception) -> None:
        failure = Failure(planned.peer, planned.n, row, f"{type(exc).__name__}: {exc}"[:500])
        say(f"  {failure.step}: {failure.why}")
        self.failures.append(failure)


def say(text: str) -> None:
    """Progress; the results alone go to stdout."""
    print(text, file=sys.stderr, flush=True)
