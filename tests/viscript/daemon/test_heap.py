import asyncio

import pytest

from viscript.daemon import heap


async def test_what_is_free_is_given_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    third = asyncio.Event()
    calls: list[int] = []

    def trim(keep: int) -> None:
        calls.append(keep)
        if len(calls) == 3:
            third.set()

    monkeypatch.setattr(heap, "_trim", trim)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(heap.give_back_for_ever(0, 0))
        await third.wait()
        task.cancel()
    assert calls[:3] == [0, 0, 0]


async def test_without_such_a_call_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_trim", None)
    async with asyncio.timeout(10):
        await heap.give_back_for_ever(0, 3600)


def test_here_it_can_be_called() -> None:
    assert heap.give_back() is (heap._trim is not None)
