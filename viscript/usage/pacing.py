"""Long work cut into slices: a generator that yields wherever others may have their turn."""

import asyncio
import time
from collections.abc import Generator
from typing import Final, TypeVar, cast

T = TypeVar("T")

TURN_S: Final = 0.001


def at_once(work: Generator[None, None, T]) -> T:
    """Do it all now; the answer is what the generator returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return cast("T", end.value)  # StopIteration is not generic


async def in_turns(work: Generator[None, None, T], turn_s: float = TURN_S) -> T:
    """Do as many slices as fit into `turn_s` in each turn of the event loop."""
    turn_ends = time.monotonic() + turn_s
    while True:
        try:
            next(work)
        except StopIteration as end:
            return cast("T", end.value)  # StopIteration is not generic
        if time.monotonic() >= turn_ends:
            await asyncio.sleep(0)
            turn_ends = time.monotonic() + turn_s
