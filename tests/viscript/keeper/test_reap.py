"""The only reaper. Tried in a process of its own: it reaps whatever there is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

PROGRAM = """
import os, select, signal, sys
from viscript.keeper.reap import Reaper

gone = []
reaper = Reaper(gone.extend)
pids = [os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", f"raise SystemExit({n})"], os.environ)
        for n in range(5)]
while len(gone) < 5:
    assert select.select([reaper.fileno()], [], [], 20)[0]
    reaper.ready()
assert dict(gone) == {pid: (n, None, False) for n, pid in enumerate(pids)}, gone
assert not select.select([reaper.fileno()], [], [], 0)[0]
reaper.reap()
reaper.wake()
assert select.select([reaper.fileno()], [], [], 0)[0]
reaper.close()
os.kill(os.getpid(), signal.SIGCHLD)  # one that comes after the end is heard by nobody, and said by nobody
print("ok")
"""


def test_every_child_is_handed_over_once_with_its_exit() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert (done.stdout, done.stderr) == (b"ok\n", b""), done.stderr.decode()
