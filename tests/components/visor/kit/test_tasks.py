"""Running works until one ends, and the cause in groups."""

import asyncio

import pytest

from components.visor.kit.tasks import cause_of, first_of


async def test_the_others_end_with_the_first() -> None:
    ended: list[str] = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("for ever")

    async def at_once() -> None:
        ended.append("at once")

    await first_of(for_ever(), at_once())
    assert ended == ["at once", "for ever"]


async def test_what_the_first_raises_is_raised_as_it_is() -> None:
    async def wrong() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await first_of(first_of(wrong(), asyncio.Event().wait()))  # type: ignore[arg-type]  # gives True


def test_the_cause_is_found_in_groups_of_groups() -> None:
    cause = OSError("x")
    assert cause_of(ExceptionGroup("a", [ExceptionGroup("b", [cause]), ValueError("y")])) is cause
