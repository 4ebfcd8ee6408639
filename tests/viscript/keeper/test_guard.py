"""A daemon that dies is started again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.keeper import TestKeeper, gone, is_running, silence
from tests.support.wait import eventually


def daemon_argv(keeper: TestKeeper) -> list[str]:
    """A stand-in for the daemon: notes its pid and waits."""
    notes = str(keeper.folder / "daemons")
    code = f"import os,time; open({notes!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(1000)"
    return [sys.executable, "-S", "-c", code]


def started(keeper: TestKeeper, count: int) -> int:
    """The newest of so many daemons."""
    notes: Path = keeper.folder / "daemons"
    lines = eventually(
        lambda: notes.read_text().split() if notes.exists() and notes.read_text().count("\n") >= count else []
    )
    return int(lines[-1])


def test_it_is_started_again_and_again_until_told_not_to(any_keeper: TestKeeper) -> None:
    argv = daemon_argv(any_keeper)
    with subprocess.Popen(argv) as first:
        started(any_keeper, 1)
        any_keeper.client.request("guard", argv=argv, pid=first.pid)
        first.kill()
    second = started(any_keeper, 2)
    assert any_keeper.client.event("daemon_restarted")["pid"] == second
    os.kill(second, signal.SIGKILL)
    third = started(any_keeper, 3)
    assert any_keeper.client.event("daemon_restarted")["pid"] == third
    any_keeper.client.request("guard", argv=None)
    os.kill(third, signal.SIGKILL)
    assert silence(any_keeper.client, "daemon_restarted", 1.0)


def test_the_new_daemon_takes_its_own_guard_over(keeper: TestKeeper) -> None:
    argv = daemon_argv(keeper)
    with subprocess.Popen(argv) as first:
        started(keeper, 1)
        keeper.client.request("guard", argv=argv, pid=first.pid)
        first.kill()
    second = started(keeper, 2)
    keeper.client.request("guard", argv=argv, pid=second)
    os.kill(second, signal.SIGKILL)
    third = started(keeper, 3)
    keeper.client.request("guard", argv=None)
    os.kill(third, signal.SIGKILL)
    gone(third)


def test_a_daemon_that_is_dead_already_is_started(keeper: TestKeeper) -> None:
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    keeper.client.request("guard", argv=daemon_argv(keeper), pid=dead.pid)
    pid = started(keeper, 1)
    assert is_running(pid)
    keeper.client.request("guard", argv=None)
    os.kill(pid, signal.SIGKILL)


def test_a_daemon_is_no_orphan_of_an_app(keeper: TestKeeper) -> None:
    """It is our child and belongs to no tree: stopping everything leaves it alone."""
    keeper.launch(7, "import time; time.sleep(1000)")
    keeper.client.request("guard", argv=daemon_argv(keeper), pid=1 << 22)
    pid = started(keeper, 1)
    keeper.stop(7)
    assert is_running(pid)
    keeper.client.request("guard", argv=None)
    os.kill(pid, signal.SIGKILL)


def test_a_keeper_that_leaves_starts_no_daemon(keeper: TestKeeper) -> None:
    argv = daemon_argv(keeper)
    with subprocess.Popen(argv) as daemon:
        started(keeper, 1)
        keeper.client.request("guard", argv=argv, pid=daemon.pid)
        keeper.client.request("shutdown")
        keeper.wait_for_death()
        daemon.kill()
