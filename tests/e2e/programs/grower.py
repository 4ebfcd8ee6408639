"""Grows by so many MiB a second up to a bound: `grower.py MIB_PER_S MOST_MIB [stubborn]`; then waits."""

import signal
import sys
import time

STEP_S = 1 / 16
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *args: sys.exit(0))  # it ends well, and is a failure all the same
rate, most = int(sys.argv[1]), int(sys.argv[2])
began, held = time.monotonic(), []
print(time.time(), flush=True)
while len(held) < most:
    wanted = min(int((time.monotonic() - began) * rate), most)
    held += [bytearray(b"\1") * (1 << 20) for _ in range(wanted - len(held))]
    time.sleep(STEP_S)
time.sleep(1000)
