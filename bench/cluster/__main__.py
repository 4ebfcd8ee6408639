"""`python3 -m bench cluster`: the command line of the cluster's bench."""

import sys
from collections.abc import Callable, Iterator
from typing import Final

from bench.cluster.leaders import leader_kills
from bench.cluster.lost import lost_host
from bench.cluster.many import on_all
from bench.cluster.metrics import METRICS
from bench.cluster.part import FULL, QUICK, Size
from bench.cluster.thousand import thousand
from bench.results import Sample
from bench.rowed import Rowed

ROWS: Final[dict[str, Callable[[Size], Iterator[Sample]]]] = {
    "leader-kills": leader_kills,
    "lost-host": lost_host,
    "on-all": on_all,
    "thousand": thousand,
}
BENCH: Final = Rowed("cluster", "hosts of a cluster", ROWS, METRICS, quick=QUICK, full=FULL)
main: Final = BENCH.main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
