"""The demo for real: once, ended by Ctrl-C, killed, and killed with its guard."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support import terminal as terminals
from tests.support.terminal import CTRL_C, Terminal
from tests.support.wait import eventually
from viscript.demo.scratch import GUARD, PREFIX
from viscript.prove.strays import is_module, processes_of

ARGV = [sys.executable, "-P", "-m", "viscript", "demo"]
UP_S = 100.0


@pytest.fixture
def temporary(short_tmp: Path) -> Iterator[Path]:
    """Where the demo makes its home; whatever happens, nothing runs there afterwards."""
    folder = short_tmp / "t"
    folder.mkdir()
    yield folder
    for process in processes_of(str(folder)):
        process.kill()


def environ(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "LANG": "C.UTF-8"}


def nothing_is_left(folder: Path) -> bool:
    return not list(folder.iterdir()) and not processes_of(str(folder))


@pytest.mark.timeout(300)
def test_once_shows_all_and_leaves_nothing(temporary: Path) -> None:
    done = subprocess.run(
        [*ARGV, "--once", "-o", "json"], env=environ(temporary), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(found)
    assert found["left"] == {"processes": 0, "ports": 0, "files": 0}
    assert (found["visors"], found["lost"], found["doubled"]) == (5, 0, 0)
    assert found["hops"] == len(found["path"]) - 1 >= 2
    assert found["message_seconds"] > 0
    assert 0 < found["heal_seconds"] < 10
    assert 0 < found["ready_seconds"] < UP_S
    assert nothing_is_left(temporary)


@pytest.mark.timeout(300)
def test_ctrl_c_ends_all_of_it(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminals, "DEADLINE_S", UP_S)
    with Terminal(ARGV, environ(temporary), columns=110, rows=60) as terminal:
        terminal.wait_for("Ctrl-C")
        home = next(temporary.iterdir())
        asked = subprocess.run(
            [sys.executable, "-P", "-m", "viscript", "ping", "peer:cho"],
            env={**environ(temporary), "VISCRIPT_HOME": str(home)},
            capture_output=True,
            check=False,
        )
        assert asked.returncode == 0, asked.stderr
        terminal.type(CTRL_C)
        terminal.wait_for("left behind: 0 processes, 0 ports, 0 files")
        assert terminal.wait_for_exit() == 0
    assert nothing_is_left(temporary)


@pytest.mark.timeout(300)
def test_what_a_killed_demo_leaves_is_ended(temporary: Path) -> None:
    demo = up(temporary)
    demo.kill()
    demo.wait()
    eventually(lambda: nothing_is_left(temporary), deadline_s=UP_S)


@pytest.mark.timeout(300)
def test_the_next_demo_ends_what_one_left_that_was_killed_with_its_guard(temporary: Path) -> None:
    demo = up(temporary)
    (guard,) = [each for each in psutil.Process(demo.pid).children() if is_module(each, GUARD)]
    guard.kill()
    demo.kill()
    demo.wait()
    (home,) = temporary.glob(f"{PREFIX}*")
    assert processes_of(str(home))
    code = "from viscript.demo.scratch import end_left; print(len(end_left()))"
    ended = subprocess.run([sys.executable, "-P", "-c", code], env=environ(temporary), capture_output=True)
    assert ended.stdout == b"1\n", ended.stderr
    eventually(lambda: nothing_is_left(temporary), deadline_s=UP_S)


def up(folder: Path) -> "subprocess.Popen[str]":
    """A demo that has daemon and apps up."""
    demo = subprocess.Popen(ARGV, env=environ(folder), stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout:
        for line in demo.stdout:
            if "links in a ring" in line:
                return demo
    raise AssertionError(f"it ended with {demo.wait()}")


def test_a_signal_ends_it_like_ctrl_c(temporary: Path) -> None:
    demo = subprocess.Popen(ARGV, env=environ(temporary), stdout=subprocess.DEVNULL)
    eventually(lambda: processes_of(str(temporary)), deadline_s=UP_S)
    demo.send_signal(signal.SIGTERM)
    demo.wait(UP_S)
    assert nothing_is_left(temporary)
