"""Programs of a session: how they begin, how they end, and that nothing of them stays."""

import asyncio
import fcntl
import os
import pty
import signal
from pathlib import Path

import psutil
import pytest

from plugins.terminal import child
from plugins.terminal.child import Child, keep_to_ourselves, on_pipes, on_terminal
from tests.support.nodes import until

SH = "/bin/sh"


@pytest.fixture(params=["pidfd", "thread"])
def seam(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "HAS_PIDFD", request.param == "pidfd" and child.HAS_PIDFD)


def on_nothing(script: str, **environ: str) -> Child:
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return Child(SH, ["sh", "-c", script], environ, on_pipes(null, null, null))
    finally:
        os.close(null)


def is_gone(pid: int) -> bool:
    """Not there, or not reaped yet by whoever inherited it."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def ended(made: Child, grace_s: float = 20.0) -> int:
    async with asyncio.timeout(30):
        await made.ended()
        code = made.code()
        await made.end(grace_s)
    return code


@pytest.mark.usefixtures("seam")
async def test_it_tells_how_it_ended() -> None:
    assert await ended(on_nothing("exit 7")) == 7
    assert await ended(on_nothing("kill -KILL $$")) == -signal.SIGKILL


@pytest.mark.usefixtures("seam")
async def test_who_waits_may_give_up() -> None:
    made = on_nothing("exec sleep 60")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await made.ended()
    await made.end()


async def test_what_its_leader_left_is_hung_up(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    assert await ended(on_nothing(f"sleep 60 & echo $! > {left}; exit 0")) == 0
    assert is_gone(int(left.read_text()))


async def test_what_takes_no_notice_is_killed_and_so_is_what_stands_still(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    made = on_nothing(f"trap '' HUP; sleep 60 & echo $! > {left}; kill -STOP $$; sleep 60")
    await until(lambda: psutil.Process(made.pid).status() == psutil.STATUS_STOPPED)
    async with asyncio.timeout(30):
        await made.end(0.1)
    assert not psutil.pid_exists(made.pid)
    await until(lambda: is_gone(int(left.read_text())))
    made.signal(signal.SIGTERM)  # nobody else gets it


async def test_when_the_end_is_cancelled_it_comes_at_once(tmp_path: Path) -> None:
    made = on_nothing("trap '' HUP; while :; do sleep 60; done")
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        ending = group.create_task(made.end(60))
        await asyncio.sleep(0)
        ending.cancel()
    await until(lambda: psutil.Process(made.pid).status() == psutil.STATUS_ZOMBIE)
    os.waitpid(made.pid, 0)


async def test_one_that_the_system_does_not_let_go_of_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(child, "KILLED_S", 0.0)
    monkeypatch.setattr(child, "_send", lambda *_: None)
    made = on_nothing("exec sleep 60")
    await made.end(0.0)
    assert "the system does not let go of it" in caplog.text
    os.kill(made.pid, signal.SIGKILL)
    os.waitpid(made.pid, 0)


async def test_a_signal_goes_to_its_whole_group() -> None:
    made = on_nothing("sleep 60; exit 3")
    await until(lambda: psutil.Process(made.pid).children())
    made.signal(signal.SIGTERM)
    assert await ended(made) == -signal.SIGTERM


async def test_signals_that_python_ignores_are_not_ignored_in_it(tmp_path: Path) -> None:
    note = tmp_path / "note"
    await ended(on_nothing(f"grep SigIgn /proc/self/status > {note}"))
    assert int(note.read_text().split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0


async def test_it_gets_a_terminal_of_its_own(tmp_path: Path) -> None:
    note = tmp_path / "note"
    master, slave = pty.openpty()
    script = f"ps -o sid=,tty= -p $$ > {note}; : > /dev/tty"
    made = Child(SH, ["sh", "-c", script], {"PATH": os.environ["PATH"]}, on_terminal(os.ttyname(slave)))
    assert await ended(made) == 0
    assert note.read_text().split() == [str(made.pid), os.ttyname(slave).removeprefix("/dev/")]
    os.close(slave)
    os.close(master)


async def test_it_inherits_the_standard_three_only(tmp_path: Path) -> None:
    ours, note = os.open("/", os.O_RDONLY), tmp_path / "note"
    flags = fcntl.fcntl(ours, fcntl.F_GETFD)
    os.set_inheritable(ours, True)
    keep_to_ourselves()
    assert fcntl.fcntl(ours, fcntl.F_GETFD) == flags
    assert os.get_inheritable(1)
    await ended(on_nothing(f"for f in /proc/self/fd/*; do readlink $f; done > {note}; :"))
    assert "/\n" not in note.read_text()
    os.close(ours)


def test_what_cannot_be_executed_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        Child("/nonexistent", ["x"], {}, ())
