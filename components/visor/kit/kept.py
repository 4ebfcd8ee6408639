"""An app's place at the visor: kept over the visor's restarts, while the local ports stay open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from components.visor.app import App, AppError

log = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0  # how long a program waits for a visor that is away
AGAIN_S: Final = 0.2

Connect = Callable[[], App]


class KeptVisor:
    """`app()` is the connection there is now."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._app: App | None = None
        self._there = asyncio.Event()

    async def run(self, ready: Callable[[], None]) -> None:
        """Connect, tell `ready`, and connect again for ever. Raises `AppError` if the first time fails."""
        await self._once(ready)
        while True:
            try:
                await self._once(lambda: log.info("the visor is back"))
            except AppError as exc:
                log.debug("still without a visor: %s", exc)
            await asyncio.sleep(AGAIN_S)

    @property
    def is_there(self) -> bool:
        """Whether there is a connection now."""
        return self._app is not None

    async def app(self) -> App:
        """The connection, waited for a while. Raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE_S):
            while self._app is None:
                await self._there.wait()
        return self._app

    async def _once(self, ready: Callable[[], None]) -> None:
        async with self._connect() as app, app.listen() as listener:
            self._app = app
            self._there.set()
            ready()
            try:
                while True:
                    (await listener.accept()).close()  # nobody is served on this port: it tells of the end
            except AppError as exc:
                log.warning("lost the visor: %s", exc)
            finally:
                self._app = None
                self._there.clear()
