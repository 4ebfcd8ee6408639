"""Writes as fast as it can, for ever or so many MiB: `flood.py [MIB]`; then says how long it took."""

import sys
import time

block = (b"x" * 99 + b"\n") * 10486  # a little over 1 MiB
left = int(sys.argv[1]) if len(sys.argv) > 1 else -1
begin = time.monotonic()
while left:
    sys.stdout.buffer.write(block)
    left -= 1
sys.stdout.flush()
print(f"done in {time.monotonic() - begin:.3f} s", flush=True)
