"""One answer of several that could give it: the next is asked when one fails or does not answer soon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from components.mesh.errors import MeshError, PeerError, WorldError

T = TypeVar("T")


async def first_answer(tries: Sequence[Callable[[], Awaitable[T]]], after_s: float) -> tuple[int, T]:
    """Which of `tries` answered first, and what; each has a deadline of its own. The others are cancelled.

    Raises the `PeerError` or `WorldError` of the first one, when all failed.
    """
    outcomes: asyncio.Queue[tuple[int, T | MeshError]] = asyncio.Queue(len(tries))

    async def one(index: int) -> None:
        try:
            outcomes.put_nowait((index, await tries[index]()))
        except (PeerError, WorldError) as exc:
            outcomes.put_nowait((index, exc))

    faults: dict[int, MeshError] = {}
    async with asyncio.TaskGroup() as group:
        running: list[asyncio.Task[None]] = []
        while len(faults) < len(tries):
            if len(running) < len(tries):
                running.append(group.create_task(one(len(running))))
            last = len(running) == len(tries)
            try:
                async with asyncio.timeout(None if last else after_s):
                    index, outcome = await outcomes.get()
            except TimeoutError:
                continue
            if not isinstance(outcome, MeshError):
                for task in running:
                    task.cancel()
                return index, outcome
            faults[index] = outcome
    raise faults[0]
