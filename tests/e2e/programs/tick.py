"""Appends a line for each run of it to a file, then lives so long: tick.py FILE [SECONDS]."""

import os
import sys
import time

with open(sys.argv[1], "a", encoding="utf-8") as file:
    file.write(f"{os.getpid()} {os.environ.get('VISCRIPT_GENERATION')} {time.time()}\n")
time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
