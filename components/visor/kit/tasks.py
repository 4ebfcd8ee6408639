"""Running works until one ends, and what was wrong in a group of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_of(*works: Coroutine[Any, Any, None]) -> None:  # Any: as Coroutine has it
    """Run all until one of them ends, and end the others. Raises what that one raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as raised:
        raise cause_of(raised) from None


def cause_of(raised: BaseException) -> BaseException:
    """The first error in a group, and in the groups of it."""
    while isinstance(raised, BaseExceptionGroup):
        raised = raised.exceptions[0]
    return raised
