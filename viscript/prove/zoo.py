"""Small stubborn programs: each tries to outlive its stop in its own way. Texts for `python -c`.

Each says `up` once it is what it wants to be, and would end by itself within minutes.
"""

from typing import Final

ZOO: Final[dict[str, str]] = {
    "double-fork": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("up", flush=True)
        time.sleep(120)
    os._exit(0)
os.wait()
time.sleep(120)
""",
    "ignores-term": """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
os.fork()
print("up", flush=True)
time.sleep(120)
""",
    "stops-itself": """
import os, signal, time
if os.fork():
    print("up", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(120)
""",
    # A chain of at most 200: only the newest forks, each 20 ms, into a session of its own, deaf to SIGTERM.
    "fork-bomb": """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("up", flush=True)
for _ in range(200):
    time.sleep(0.02)
    if os.fork():
        break
    os.setsid()
time.sleep(120)
""",
    "zombie-maker": """
import os, time
for _ in range(50):
    if os.fork() == 0:
        os._exit(3)
print("up", flush=True)
time.sleep(120)
""",
    "closes-output": """
import os, time
print("up", flush=True)
os.fork()
os.closerange(0, 256)
time.sleep(120)
""",
    "empty-environment": """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    os.execve(sys.executable, [sys.executable, "-S", "-c", "import time; time.sleep(120)", sys.argv[1]], {})
print("up", flush=True)
time.sleep(120)
""",
    "dead-leader": """
import os, signal, time
for _ in range(3):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(120)
        os._exit(0)
print("up", flush=True)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while True:
    time.sleep(120)
""",
}
