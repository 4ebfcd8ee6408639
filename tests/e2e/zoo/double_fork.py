"""Forks twice, in a session of its own: the grandchild has init, or the keeper, as parent."""

import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
    os._exit(0)
os.wait()
time.sleep(60)
