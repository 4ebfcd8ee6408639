"""An app's server in this process: started, stopped, started anew."""

from __future__ import annotations

import asyncio
from typing import Protocol

from components.visor.kit.process import Ready

SOON_S = 30


class Runs(Protocol):
    """The server of an app."""

    async def run(self, ready: Ready) -> None:
        """Runs for ever, and says once that it is ready."""


class Running:
    """One server after another, each in a task of `group`."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._task: asyncio.Task[None] | None = None

    async def begin(self, server: Runs) -> None:
        """Once it is ready."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = self._group.create_task(
            server.run(lambda _: None if told.done() else told.set_result(None))
        )
        async with asyncio.timeout(SOON_S):
            await told

    async def stop(self) -> None:
        """It runs no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
