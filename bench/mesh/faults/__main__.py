"""`python3 -m bench mesh-faults`: the command line. It ends with 1 when a bound is missed."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.mesh.faults.cases import ALL, FAULTS, TARGETS, Case, Verdict, table
from bench.mesh.faults.measure import FULL, QUICK, Pace, measure
from bench.mesh.faults.program import Trouble
from bench.published import RESULTS, about
from bench.runner import say


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m bench mesh-faults", description=__doc__)
    parser.description = "faults of the mesh, done to real processes while apps talk"
    parser.add_argument(
        "--only", default=ALL, type=_chosen, metavar="PART[.FAULT],...",
        help=f"parts: {', '.join(TARGETS)}; faults: {', '.join(FAULTS)}",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a short look at each")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is repeated")
    parser.add_argument("--out", type=Path, help="the JSON file; a new one in bench/results otherwise")
    return parser.parse_args(argv)


def _chosen(text: str) -> tuple[Case, ...]:
    wanted = set()
    for word in text.split(","):
        part, _, fault = word.partition(".")
        wanted |= {case for case in ALL if case.target == part and fault in ("", case.fault)}
        if not any(case.target == part and fault in ("", case.fault) for case in ALL):
            raise argparse.ArgumentTypeError(f"no such fault: {word}")
    return tuple(case for case in ALL if case in wanted)


def main(argv: Sequence[str]) -> int:
    """Do each fault, print the table, keep the JSON; 1 when a bound is missed."""
    given = arguments(argv)
    verdicts: list[Verdict] = []
    failures: list[dict[str, Any]] = []  # Any: JSON
    for number in range(given.rounds):
        for case in given.only:
            say(f"round {number + 1}: {case.target} {case.fault}")
            _measure(case, QUICK if given.quick else FULL, verdicts, failures)
    out = given.out or RESULTS / f"mesh-faults-{time.strftime('%Y%m%d-%H%M%S')}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = [one.row() for one in verdicts]
    out.write_text(json.dumps({**about(given.rounds), "cases": rows, "failures": failures}, indent=1))
    print(table(verdicts))
    return int(bool(failures) or not all(one.kept for one in verdicts))


def _measure(case: Case, pace: Pace, verdicts: list[Verdict], failures: list[dict[str, Any]]) -> None:
    try:
        verdicts.append(measure(case, pace))
    except (Trouble, OSError) as exc:
        failures.append({**case._asdict(), "why": f"{type(exc).__name__}: {exc}"})
        say(f"  {failures[-1]['why']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
