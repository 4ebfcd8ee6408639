"""Stops itself and its child: a stopped process takes no SIGTERM until it goes on."""

import os
import signal
import time

child = os.fork()
if child:
    print(child, flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(60)
