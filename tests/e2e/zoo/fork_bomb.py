"""A chain: the newest process makes the next one each 20 ms, in a new session, deaf to SIGTERM.

Only the newest forks and the number is inherited, so it never makes more than 200, and each ends by itself.
"""

import os
import signal
import time

LONGEST_CHAIN = 200

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(os.getpid(), flush=True)
for _ in range(LONGEST_CHAIN):
    time.sleep(0.02)
    if os.fork():
        break
    os.setsid()
time.sleep(60)
