"""The small programs of the trials, as text for `python -c`. Their first argument names the scratch home.

The name is for the prover: it finds every process of the home by it, forked ones too, whatever they did
to their environment.
"""

import sys
from typing import Any, Final

App = dict[str, Any]  # keys of an app in config.yaml

NUMBERED: Final = """
import os, sys, time
count, pause = int(sys.argv[2]), float(sys.argv[3])
number = 0
while not count or number < count:
    os.write(1, b"%08d\\n" % number)
    number += 1
    if pause:
        time.sleep(pause)
"""

# Writes numbered lines, and into a file how many so far and the longest time one write took.
# What it wrote it has also counted, when it is asked to end.
WITNESS: Final = """
import os, signal, sys, time
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
tally = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT, 0o600)
number, longest = 0, 0.0
while not ended:
    begin = time.monotonic()
    os.write(1, b"%08d\\n" % number)
    longest = max(longest, time.monotonic() - begin)
    number += 1
    os.pwrite(tally, b"%08d %012.6f\\n" % (number, longest), 0)
    time.sleep(0.001)
"""

CRASH: Final = """
import os, sys, time
time.sleep(float(sys.argv[2]))
sys.stderr.write("cannot go on\\n")
sys.stderr.flush()
how = int(sys.argv[3])
if how < 0:
    os.kill(os.getpid(), -how)
os._exit(how)
"""

# Says too little when its port is taken, as many servers do.
SERVER: Final = """
import socket, sys
server = socket.socket()
try:
    server.bind(("127.0.0.1", int(sys.argv[2])))
except OSError:
    sys.exit("Address already in use")
server.listen()
print("listening", flush=True)
while True:
    server.accept()[0].close()
"""

FLOOD: Final = """
import os, sys
block = (b"x" * 127 + b"\\n") * 8192
for _ in range(int(sys.argv[2])):
    left = memoryview(block)
    while left:
        left = left[os.write(1, left):]
"""

READY_LATE: Final = """
import sys, time
time.sleep(float(sys.argv[2]))
print("ready to serve", flush=True)
time.sleep(600)
"""

# Takes its time over SIGTERM.
SLOW_TO_STOP: Final = """
import signal, sys, time
def leave(number, frame):
    time.sleep(float(sys.argv[2]))
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
while True:
    time.sleep(600)
"""

# A client of the bus that takes part and does nothing else.
SIGNAL_CLIENT: Final = """
import signal_bus.auto, time
while True:
    time.sleep(600)
"""


def program(text: str, root: str, *args: object, **keys: Any) -> App:  # Any: keys of an app
    """An app that runs one of the texts."""
    return {"command": [sys.executable, "-S", "-c", text.strip(), root, *map(str, args)], **keys}


def client(root: str, **keys: Any) -> App:  # Any: keys of an app
    """An app that speaks on the bus."""
    return {"command": [sys.executable, "-P", "-c", SIGNAL_CLIENT.strip(), root], **keys}


def nap(root: str, **keys: Any) -> App:  # Any: keys of an app
    """An app that does nothing, cheaply; its environment names the home."""
    return {"command": ["sleep", "86400"], "env": {"PROVE_ROOT": root}, **keys}
