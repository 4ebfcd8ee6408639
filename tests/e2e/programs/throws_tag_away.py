"""Told to by a line, starts one that lifts the limit it is known by, leaves session and parent, and waits."""

import os
import resource
import signal
import sys
import time

sys.stdin.readline()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
    resource.setrlimit(resource.RLIMIT_RTTIME, (hard, hard))
    os.setsid()
    if os.fork():
        os._exit(0)
    print(os.getpid(), flush=True)
    time.sleep(1000)
time.sleep(1000)
