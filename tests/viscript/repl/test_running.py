"""What was typed runs in a thread; Ctrl-C reaches it."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.fake_door import Caller, FakeDoor, Line
from tests.support.locally import client
from viscript.repl.running import Talk, interruptible


async def test_a_verb_is_run_and_shown(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["ru"] = [{"o": "7  web\n"}, {"e": "note\n"}, {"x": 3}]
        assert await Talk(client(short_tmp), ["ru", "7"]).run() == 3
    assert capfd.readouterr() == ("7  web\n", "note\n")


async def test_without_a_daemon_the_error_is_shown(
    short_tmp: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert await Talk(client(short_tmp), ["la"]).run() == 4
    assert "no daemon answers" in capfd.readouterr().err


async def test_an_interrupt_reaches_the_verb_while_the_loop_goes_on(short_tmp: Path) -> None:
    running = threading.Event()

    def follow(caller: Caller) -> Iterable[Line]:
        running.set()
        assert caller.read_line() == {"i": 1}
        yield {"x": 130}

    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["log"] = follow
        async with asyncio.TaskGroup() as tasks:
            talk = tasks.create_task(Talk(client(short_tmp), ["log", "7", "-f"]).run())
            assert await asyncio.to_thread(running.wait, 5)
            os.kill(os.getpid(), signal.SIGINT)
        assert talk.result() == 130


def test_ctrl_c_ends_a_client_verb_and_its_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)

    def work() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return 0

    assert interruptible(work) == 130
    assert interruptible(lambda: 5) == 5
    assert signal.getsignal(signal.SIGINT) is before
