"""Writes one line to stderr and ends badly: `crash_loop.py [SECONDS [CODE or -SIGNAL]]`."""

import os
import sys
import time

time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0)
print("cannot go on: the flux is inverted", file=sys.stderr, flush=True)
how = int(sys.argv[2]) if len(sys.argv) > 2 else 3
if how < 0:
    os.kill(os.getpid(), -how)
sys.exit(how)
