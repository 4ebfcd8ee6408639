"""Who answers first, and what a silent one costs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from components.mesh.errors import RemoteError, Unreachable
from components.mesh.staggered import first_answer


def says(word: str, asked: list[str]) -> Callable[[], Awaitable[str]]:
    async def answer() -> str:
        asked.append(word)
        return word

    return answer


def fails(text: str) -> Callable[[], Awaitable[str]]:
    async def answer() -> str:
        raise RemoteError("gone", text)

    return answer


async def silent() -> str:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def test_while_the_first_answers_nobody_else_is_asked() -> None:
    asked: list[str] = []
    assert await first_answer([says("one", asked), says("two", asked)], 5) == (0, "one")
    assert asked == ["one"]


async def test_the_next_is_asked_at_once_when_one_fails() -> None:
    async with asyncio.timeout(4):
        assert await first_answer([fails("one"), fails("two"), says("three", [])], 5) == (2, "three")


async def test_one_that_is_silent_is_not_waited_for() -> None:
    async with asyncio.timeout(4):
        assert await first_answer([silent, says("two", [])], 0.01) == (1, "two")


async def test_a_slow_one_may_still_answer_after_the_next_failed() -> None:
    late = asyncio.Event()

    async def slow() -> str:
        await late.wait()
        return "late"

    async def hopeless() -> str:
        late.set()
        raise Unreachable("it", "nobody there")

    async with asyncio.timeout(4):
        assert await first_answer([slow, hopeless], 0.01) == (0, "late")


async def test_when_all_fail_the_fault_of_the_first_is_told() -> None:
    with pytest.raises(RemoteError, match="one"):
        await first_answer([fails("one"), fails("two")], 5)
