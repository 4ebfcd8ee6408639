"""Makes children that end, and never waits for them."""

import os
import time

for _ in range(50):
    if os.fork() == 0:
        os._exit(3)
print(os.getpid(), flush=True)
time.sleep(60)
