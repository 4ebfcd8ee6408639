"""Closes all its descriptors once it is up; so does its child."""

import os
import time

print(os.getpid(), flush=True)
os.fork()
os.closerange(0, 256)
time.sleep(60)
