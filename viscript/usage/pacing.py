"""Long work cut into slices: a generator that yields wherever others may have their turn."""

import asyncio
from collections.abc import Generator
from typing import TypeVar, cast

T = TypeVar("T")


def at_once(work: Generator[None, None, T]) -> T:
    """Do it all now; the answer is what the generator returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return cast("T", end.value)  # StopIteration is not generic


async def in_turns(work: Generator[None, None, T]) -> T:
    """Do one slice in each turn of the event loop."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return cast("T", end.value)  # StopIteration is not generic
        await asyncio.sleep(0)
