"""`python3 -m bench apps`: the command line of the apps' bench."""

import sys
from typing import Final

from bench.apps.part import FULL, QUICK
from bench.apps.parts import METRICS, ROWS
from bench.rowed import Rowed

BENCH: Final = Rowed("apps", "the apps over the mesh", ROWS, METRICS, quick=QUICK, full=FULL)
main: Final = BENCH.main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
