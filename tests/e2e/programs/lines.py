"""Writes numbered lines for ever, or so many: `lines.py [COUNT [SECONDS_BETWEEN]]`."""

import sys
import time

count = int(sys.argv[1]) if len(sys.argv) > 1 else 0
pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
number = 0
while not count or number < count:
    sys.stdout.write(f"{number:08d}\n")
    sys.stdout.flush()
    number += 1
    if pause:
        time.sleep(pause)
