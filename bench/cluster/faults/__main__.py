"""`python3 -m bench cluster-faults`: the command line. It ends with 1 when a bound is missed."""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.cluster.faults import joins
from bench.cluster.faults.cases import ALL, TARGETS, Case, Verdict, table
from bench.cluster.faults.ground import LABELS, Ground, ground
from bench.cluster.faults.measure import measure
from bench.published import RESULTS, about
from bench.runner import say

TOOLS: Final = {"etcd-server": "etcd", "nftables": "nft", "iproute2": "ip", "datefudge": "datefudge"}
QUICK_S: Final = 26.0  # the longest that anything is away
JOIN: Final = "join"  # a part with a table of its own
FAULTS: Final = (AssertionError, OSError, subprocess.SubprocessError)  # of the ground, not of the cluster
SPECIAL: Final = "gamma"  # the host that has what a special ground gives
PRIMARY: Final = "alpha"
VICTIMS: Final = {"disk": SPECIAL, "guest": SPECIAL, "primary": PRIMARY}
GIVEN: Final[Mapping[str, Callable[[Ground], None]]] = {
    "disk": lambda made: made.give_small_disk(SPECIAL),
    "guest": lambda made: made.give_primary(PRIMARY),
    "primary": lambda made: made.give_primary(PRIMARY),
}


class Chosen(NamedTuple):
    """What is to be done."""

    cases: tuple[Case, ...]
    joins: bool


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m bench cluster-faults")
    parser.description = "faults of a cluster, done to real homes and a real etcd; as root"
    parser.add_argument(
        "--only", default=Chosen(ALL, True), type=_chosen, metavar="PART[.FAULT],...",
        help=f"parts: {', '.join((*TARGETS, JOIN))}",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="nothing is away for longer than 26 s")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is repeated")
    parser.add_argument("--out", type=Path, help="the JSON file; a new one in bench/results otherwise")
    return parser.parse_args(argv)


def _chosen(text: str) -> Chosen:
    words = text.split(",")
    for word in words:
        if word != JOIN and not any(word in (case.target, case.name) for case in ALL):
            raise argparse.ArgumentTypeError(f"no such fault: {word}")
    cases = tuple(case for case in ALL if case.target in words or case.name in words)
    return Chosen(cases, JOIN in words)


def missing(user: int, which: Callable[[str], object]) -> list[str]:
    """What this machine lacks for it."""
    tools = [f"Debian's {package}" for package, tool in TOOLS.items() if which(tool) is None]
    return ["root, for network namespaces"] * (user != 0) + tools


def main(argv: Sequence[str]) -> int:
    """Do each fault, print the table, keep the JSON; 1 when a bound is missed."""
    given = arguments(argv)
    if lacking := missing(os.geteuid(), shutil.which):
        say(f"this needs {', '.join(lacking)}")
        return 2
    verdicts: list[Verdict] = []
    failures: list[dict[str, Any]] = []  # Any: JSON
    longest = QUICK_S if given.quick else math.inf
    cases = [case._replace(hold_s=min(case.hold_s, longest)) for case in given.only.cases]
    for special, some in groupby(cases, key=lambda case: case.target if case.target in GIVEN else ""):
        _on_ground(special, list(some), given.rounds, verdicts, failures)
    pairings = list(_joins(given.rounds, failures)) if given.only.joins else []
    out = given.out or RESULTS / f"cluster-faults-{time.strftime('%Y%m%d-%H%M%S')}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = [one.row() for one in verdicts]
    kept = {"cases": rows, "joins": [one.row() for one in pairings], "failures": failures}
    out.write_text(json.dumps({**about(given.rounds), **kept}, indent=1))
    print(table(verdicts) if verdicts else "", joins.table(pairings) if pairings else "", sep="\n")
    missed = any(one.broken() for one in verdicts) or not all(one.again for one in pairings)
    return int(bool(failures) or missed)


def _joins(rounds: int, failures: list[dict[str, Any]]) -> Iterator[joins.Joined]:
    try:
        for one in joins.all_of(rounds):
            say(f"join: {one.row()}")
            yield one
    except FAULTS as exc:
        failures.append({"target": JOIN, "why": f"{type(exc).__name__}: {exc}"[-1000:]})
        say(f"  {failures[-1]['why']}")


def _on_ground(
    special: str,
    cases: list[Case],
    rounds: int,
    verdicts: list[Verdict],
    failures: list[dict[str, Any]],
) -> None:
    """All of them on one ground; after one that does not come back, on a new one."""
    left = [(number, case) for number in range(rounds) for case in cases]
    while left:
        number, case = left[0]
        try:
            with ground(GIVEN.get(special, lambda made: None)) as made:
                while left:
                    number, case = left.pop(0)
                    say(f"round {number + 1}: {case.target} {case.fault}")
                    verdict = _measured(made, case, number, special)
                    verdicts.append(verdict)
                    say(f"  {verdict.row()}")
                    if verdict.back_s is None:
                        break
        except FAULTS as exc:
            left = left[1:] if left[:1] == [(number, case)] else left  # it did not come that far
            failures.append({**case._asdict(), "why": f"{type(exc).__name__}: {exc}"[-1000:]})
            say(f"  {failures[-1]['why']}")


def _measured(made: Ground, case: Case, number: int, special: str) -> Verdict:
    victim = VICTIMS.get(special) or LABELS[number % len(LABELS)]
    observer = LABELS[(LABELS.index(victim) + 1) % len(LABELS)]
    return measure(made, case, made.places[victim], made.places[observer])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
