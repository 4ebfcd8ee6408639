"""Writes numbered lines of nine bytes, and into a file how many: `witness.py FILE [SECONDS_BETWEEN]`."""

import os
import sys
import time

pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0.001
tally = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
number = 0
while True:
    os.write(1, b"%08d\n" % number)
    number += 1
    os.pwrite(tally, b"%08d" % number, 0)
    time.sleep(pause)
