"""The command line of `python3 -m bench`; mesh, apps, cluster and the faults of them have their own."""

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import child
from bench.apps import __main__ as apps
from bench.cluster import __main__ as cluster
from bench.install import install
from bench.mesh import __main__ as mesh
from bench.mesh.faults import __main__ as faults
from bench.peers import PEERS
from bench.plan import ROWS, chosen
from bench.published import publish
from bench.results import rows
from bench.runner import Run, say
from bench.scale import FULL, QUICK


def _cluster_faults(argv: Sequence[str]) -> int:
    from bench.cluster.faults import __main__ as part  # it stands on the tests, so on their tools

    return part.main(argv)


PARTS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "mesh": mesh.main,
    "apps": apps.main,
    "mesh-faults": faults.main,
    "cluster": cluster.main,
    "cluster-faults": _cluster_faults,
}


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m bench", description="viscript beside other supervisors")
    parser.add_argument("--only", default="", type=chosen, metavar="ROWS", help=", ".join(ROWS))
    parser.add_argument(
        "--n", default="0,100,1000", type=_counts, metavar="COUNTS", help="numbers of programs"
    )
    parser.add_argument(
        "--peer", default=",".join(PEERS), type=_peers, metavar="NAMES", help=", ".join(PEERS)
    )
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, help="how often everything is repeated")
    parser.add_argument(
        "--peers", type=Path, metavar="DIR", help="where the peers were prepared (BENCH_PEERS)"
    )
    parser.add_argument(
        "--install", type=Path, metavar="DIR", help="prepare the peers there, and do nothing else"
    )
    parser.add_argument("--out", type=Path, help="the JSON file; a new one in bench/results otherwise")
    return parser.parse_args(argv)


def _counts(text: str) -> list[int]:
    return sorted({int(word) for word in text.split(",")})


def _peers(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(unknown)}")
    return names


def main(argv: Sequence[str]) -> int:
    """Go on as the first word says: a part by its name, `all` of them, or the supervisors."""
    if argv[:1] == ["all"]:
        return max([supervisors(argv[1:]), *(part(argv[1:]) for part in PARTS.values())])
    if argv and argv[0] in PARTS:
        return PARTS[argv[0]](argv[1:])
    return supervisors(argv)


def supervisors(argv: Sequence[str]) -> int:
    """Measure, print the table, keep the JSON; 1 when peers could not be prepared."""
    given = arguments(argv)
    if given.install:
        missing = install(given.install.resolve())
        for fault in missing:
            say(fault)
        return int(bool(missing))
    tools = given.peers or (Path(os.environ["BENCH_PEERS"]) if "BENCH_PEERS" in os.environ else None)
    scale = QUICK if given.quick else FULL
    scale = scale._replace(rounds=given.rounds or scale.rounds)
    with tempfile.TemporaryDirectory(prefix="vb") as folder:
        run = Run(child.build(Path(folder)), tools.resolve() if tools else None, scale)
        run.carry_out(given.only, given.peer, given.n)
    publish(rows(run.samples), run.samples, run.failures, scale.rounds, given.out)
    return 0
