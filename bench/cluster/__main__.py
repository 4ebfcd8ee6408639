"""`python3 -m bench cluster`: the command line of the cluster's bench."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.cluster.leaders import leader_kills
from bench.cluster.lost import lost_host
from bench.cluster.many import on_all
from bench.cluster.metrics import METRICS
from bench.cluster.part import FULL, QUICK, Size
from bench.cluster.thousand import thousand
from bench.published import publish
from bench.results import OURS, Failure, Sample, rows
from bench.runner import say

ROWS: Final[dict[str, Callable[[Size], Iterator[Sample]]]] = {
    "leader-kills": leader_kills,
    "lost-host": lost_host,
    "on-all": on_all,
    "thousand": thousand,
}


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m bench cluster", description="hosts of a cluster")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all unless told: {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="fewer hosts, fewer tries")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is repeated")
    parser.add_argument("--out", type=Path, help="the JSON file; a new one in bench/results otherwise")
    given = parser.parse_args(argv)
    if unknown := set(given.rows) - ROWS.keys():
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    return given


def main(argv: Sequence[str]) -> int:
    """Measure, print the table, keep the JSON."""
    given = arguments(argv)
    samples: list[Sample] = []
    failures: list[Failure] = []
    for number in range(given.rounds):
        for name in given.rows or ROWS:
            say(f"round {number + 1}: {name}")
            _measure(name, QUICK if given.quick else FULL, samples, failures)
    publish(rows(samples, METRICS), samples, failures, given.rounds, given.out)
    return 0


def _measure(name: str, size: Size, samples: list[Sample], failures: list[Failure]) -> None:
    try:
        samples.extend(ROWS[name](size))
    except Exception as exc:  # noqa: BLE001 (the next row may still work)
        failures.append(Failure(OURS, 0, name, f"{type(exc).__name__}: {exc}"[:500]))
        say(f"  {failures[-1].why}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
