"""The daemon's own tasks: one owner, cancelled together when the daemon goes down.

A cancellation can be lost: in Python 3.11 and 3.12 by a group of tasks that ends by a fault at that moment.
So what has not ended is cancelled again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self

log = logging.getLogger(__name__)

AGAIN_S: Final = 10.0  # long enough for whoever writes a last word to a slow disk


class Tasks:
    """`async with Tasks() as tasks: tasks.run(work())`; leaving it cancels what still runs."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work beside the rest. A fault in it ends the daemon: guard what may fail."""
        task = self._group.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._cancel()
        finally:
            await self._group.__aexit__(kind, error, trace)

    async def _cancel(self) -> None:
        while running := tuple(self._running):
            for task in running:
                task.cancel()
            _, left = await asyncio.wait(running, timeout=AGAIN_S)
            for task in left:
                log.warning("a task of the daemon has not ended yet, and is told again: %s", task.get_coro())
