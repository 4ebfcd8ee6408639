"""One owner of the daemon's tasks: what runs ends with it, and a fault ends it all."""

import asyncio

import pytest

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
