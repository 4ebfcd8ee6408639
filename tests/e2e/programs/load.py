"""Holds some memory, files and a child that does the same, then waits: `load.py MIB [CHILD]`."""

import os
import sys
import time

memory = bytearray(os.urandom(1 << 20)) * int(sys.argv[1])
files = [open(os.devnull, "rb") for _ in range(20)]  # noqa: SIM115 (held on purpose)
if len(sys.argv) < 3 and os.fork() == 0:
    os.execv(sys.executable, [sys.executable, "-S", __file__, sys.argv[1], "child"])
print("loaded", flush=True)
time.sleep(1000)
