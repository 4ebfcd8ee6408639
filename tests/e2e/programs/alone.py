"""One run of one id: proves that no other runs, counts what it wrote. `alone.py FOLDER`."""

import fcntl
import os
import sys
import time

folder, seq, generation = sys.argv[1], os.environ["VISCRIPT_SEQ"], os.environ["VISCRIPT_GENERATION"]
lock = os.open(f"{folder}/{seq}.lock", os.O_RDWR | os.O_CREAT, 0o600)
runs = os.open(f"{folder}/runs", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
os.write(runs, f"{seq} {generation} {os.getpid()}\n".encode())
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    os.write(os.open(f"{folder}/doubled", os.O_WRONLY | os.O_CREAT | os.O_APPEND), f"{seq}\n".encode())
tally = os.open(f"{folder}/{seq}.{generation}.tally", os.O_WRONLY | os.O_CREAT, 0o600)
number = 0
while True:
    os.write(1, b"%s %08d\n" % (generation.encode(), number))
    number += 1
    os.pwrite(tally, b"%08d" % number, 0)
    time.sleep(0.002)
