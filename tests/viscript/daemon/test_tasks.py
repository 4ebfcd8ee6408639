"""One owner of the daemon's tasks: what runs ends with it, and a fault ends it all."""

import asyncio
import sys

import pytest

from viscript.daemon import tasks as module
from viscript.daemon.tasks import Tasks


async def test_leaving_cancels_what_still_runs() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async with Tasks() as tasks:
        task = tasks.run(forever())
        await asyncio.sleep(0)
    assert task.cancelled()
    assert ended == ["ended"]


async def test_one_to_whom_the_cancellation_was_lost_is_told_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.05)
    fails, cleared = asyncio.Event(), asyncio.Event()

    async def failing() -> None:
        await fails.wait()
        raise RuntimeError("of one round")

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await cleared.wait()

    async def for_ever() -> None:
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(failing())
                    group.create_task(slow())
            except* RuntimeError:
                fails.clear()

    async with asyncio.timeout(20), Tasks() as tasks:
        task = tasks.run(for_ever())
        await asyncio.sleep(0.01)
        fails.set()
        await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_soon(cleared.set)
    assert task.cancelled()
    assert ("told again" in caplog.text) is (sys.version_info < (3, 13)), "in 3.13 nothing is lost"


async def test_one_that_never_had_a_turn_is_cancelled_too() -> None:
    async def never() -> None:
        raise AssertionError("it had a turn")

    async with Tasks() as tasks:
        task = tasks.run(never())
    assert task.cancelled()


async def test_what_is_done_is_let_go() -> None:
    async with Tasks() as tasks:
        for _ in range(100):
            await tasks.run(asyncio.sleep(0))
        assert tasks._running == set()


async def test_a_fault_in_one_ends_the_others_and_is_told() -> None:
    async def broken() -> None:
        raise RuntimeError("a bug")

    others: list[asyncio.Task[None]] = []

    async def work() -> None:
        async with Tasks() as tasks:
            others.append(tasks.run(asyncio.sleep(60)))
            tasks.run(broken())
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await work()
    assert caught.group_contains(RuntimeError, match="a bug")
    assert others[0].cancelled()
