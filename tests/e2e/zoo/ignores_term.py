"""Ignores every signal that can be ignored, and so does its child."""

import os
import signal
import time

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
os.fork()
print(os.getpid(), flush=True)
time.sleep(60)
