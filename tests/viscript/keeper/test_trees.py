"""Whole trees: looked at, signalled, killed. The stubborn ones are in tests/e2e/test_keeper_zoo.py."""

import pytest

from tests.support.keeper import TestKeeper, gone, is_running
from tests.support.wait import eventually

TREE = """
import os, subprocess, sys, time
code = "import os,time; os.setsid(); print(os.getpid(), flush=True); time.sleep(1000)"
child = subprocess.Popen([sys.executable, "-S", "-c", code])
print(os.getpid(), flush=True)
time.sleep(1000)
"""


def pids_of(keeper: TestKeeper, seq: int, count: int) -> list[int]:
    return eventually(
        lambda: (
            [int(line) for line in keeper.logged(seq).split()]
            if keeper.logged(seq).count(b"\n") == count
            else []
        )
    )


def test_a_tree_is_signalled_once_and_gone_together(any_keeper: TestKeeper) -> None:
    any_keeper.launch(7, TREE)
    pids = pids_of(any_keeper, 7, 2)
    assert any_keeper.stop(7, grace=10)["rung"] == "term"
    for pid in pids:
        gone(pid)


def test_a_thread_does_not_hide_its_children(keeper: TestKeeper) -> None:
    code = (
        "import subprocess,threading,time\n"
        "def work():\n"
        "    print(subprocess.Popen(['setsid','sleep','1000']).pid, flush=True); time.sleep(1000)\n"
        "threading.Thread(target=work).start()"
    )
    keeper.launch(7, code)
    (child,) = pids_of(keeper, 7, 1)
    keeper.stop(7, grace=10)
    assert not is_running(child)


def test_many_trees_are_stopped_together(keeper: TestKeeper) -> None:
    for seq in range(1, 16):
        keeper.launch(seq, TREE)
    pids = [pid for seq in range(1, 16) for pid in pids_of(keeper, seq, 2)]
    for seq in range(1, 16):
        keeper.client.send("stop", seq=seq, grace=10)
    rungs = {keeper.client.event("stopped", timeout=20)["rung"] for _ in range(15)}
    assert rungs == {"term"}
    assert not any(map(is_running, pids))


@pytest.mark.parametrize("grace", [0.0, 0.3])
def test_what_appears_during_a_stop_is_found(keeper: TestKeeper, grace: float) -> None:
    """The leader answers SIGTERM with a new process that ignores it."""
    code = (
        "import os,signal,subprocess,sys,time\n"
        "def late(*a):\n"
        "    signal.signal(15, signal.SIG_IGN); p = subprocess.Popen(['setsid','sleep','1000']);"
        " os.write(1, b'%d\\n' % p.pid); os._exit(0)\n"
        "signal.signal(15, late); os.write(1, b'1\\n')\nwhile True: time.sleep(1)"
    )
    keeper.launch(7, code)
    pids_of(keeper, 7, 1)
    keeper.stop(7, grace=grace)
    for pid in [int(line) for line in keeper.logged(7).split()][1:]:
        assert not is_running(pid)


def test_another_homes_app_with_the_same_id_is_left_alone(keeper: TestKeeper) -> None:
    with TestKeeper(keeper.folder / "other") as other:
        other.start()
        foreign = other.launch(7, "import time; time.sleep(1000)")
        keeper.launch(7, "import time; time.sleep(1000)")
        keeper.stop(7)
        assert is_running(foreign)
