"""`python3 -m bench mesh`: the command line of the mesh's bench."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.mesh.metrics import METRICS
from bench.mesh.rows import FULL, NAMED_ONLY, QUICK, ROWS, Size
from bench.published import publish
from bench.results import OURS, Failure, Sample, rows
from bench.runner import say

_UNASKED: Final = tuple(row for row in ROWS if row not in NAMED_ONLY)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m bench mesh", description="the mesh's data plane")
    parser.add_argument("--only", default=_UNASKED, type=_chosen, metavar="ROWS", help=", ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, help="how often everything is repeated; 3 unless told")
    parser.add_argument("--out", type=Path, help="the JSON file; a new one in bench/results otherwise")
    return parser.parse_args(argv)


def _chosen(text: str) -> tuple[str, ...]:
    names = text.split(",")
    if unknown := set(names) - ROWS.keys():
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(sorted(unknown))}")
    return tuple(row for row in ROWS if row in names)


def main(argv: Sequence[str]) -> int:
    """Measure, print the table, keep the JSON."""
    given = arguments(argv)
    rounds = given.rounds or (1 if given.quick else 3)
    samples: list[Sample] = []
    failures: list[Failure] = []
    for number in range(rounds):
        for name in given.only:
            say(f"round {number + 1}: {name}")
            _measure(name, QUICK if given.quick else FULL, samples, failures)
    publish(rows(samples, METRICS), samples, failures, rounds, given.out)
    return 0


def _measure(name: str, size: Size, samples: list[Sample], failures: list[Failure]) -> None:
    try:
        samples.extend(ROWS[name](size))
    except Exception as exc:  # noqa: BLE001 (the next row may still work)
        failures.append(Failure(OURS, 1, name, f"{type(exc).__name__}: {exc}"[:500]))
        say(f"  {failures[-1].why}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
