"""A bench of named rows: its command line, and how one row after the other is measured."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from bench.published import publish
from bench.results import OURS, Failure, Metric, Sample, rows
from bench.runner import say

S = TypeVar("S")  # what a row is told of how much to do


@dataclass(frozen=True)
class Rowed(Generic[S]):
    """`python3 -m bench NAME`."""

    name: str
    description: str
    rows: Mapping[str, Callable[[S], Iterator[Sample]]]
    metrics: Sequence[Metric]
    quick: S
    full: S

    def arguments(self, argv: Sequence[str]) -> argparse.Namespace:
        """The command line. Exits with 2 when it is wrong."""
        parser = argparse.ArgumentParser(prog=f"python3 -m bench {self.name}", description=self.description)
        parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all unless told: {', '.join(self.rows)}")
        parser.add_argument("--quick", action="store_true", help="one short round")
        parser.add_argument("--rounds", type=int, default=1, help="how often everything is repeated")
        parser.add_argument("--out", type=Path, help="the JSON file; a new one in bench/results otherwise")
        given = parser.parse_args(argv)
        if unknown := set(given.rows) - self.rows.keys():
            parser.error(f"no such row: {', '.join(sorted(unknown))}")
        return given

    def main(self, argv: Sequence[str]) -> int:
        """Measure, print the table, keep the JSON."""
        given = self.arguments(argv)
        samples: list[Sample] = []
        failures: list[Failure] = []
        for number in range(given.rounds):
            for name in given.rows or self.rows:
                say(f"round {number + 1}: {name}")
                self.measure(name, self.quick if given.quick else self.full, samples, failures)
        publish(rows(samples, self.metrics), samples, failures, given.rounds, given.out)
        return 0

    def measure(self, name: str, size: S, samples: list[Sample], failures: list[Failure]) -> None:
        """One row; what goes wrong in it is told, and the next may still work."""
        try:
            samples.extend(self.rows[name](size))
        except Exception as exc:  # noqa: BLE001 (the next row may still work)
            failures.append(Failure(OURS, 0, name, f"{type(exc).__name__}: {exc}"[:500]))
            say(f"  {failures[-1].why}")
