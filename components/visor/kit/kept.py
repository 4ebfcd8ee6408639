"""An app's place at the visor: kept over the visor's restarts, while its local ports stay open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from components.visor.app import App, AppError, Listener, Stream
from components.visor.kit.tasks import cause_of

log = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0  # how long a program waits for a visor that is away
AGAIN_S: Final = 0.2

Connect = Callable[[], App]
Ready = Callable[[App], None]
Serve = Callable[[Stream], Awaitable[None]]


async def _nobody(stream: Stream) -> None:
    """No stream is served: the listener is there to tell of the visor's end."""
    stream.close()


class KeptVisor:
    """`app()` is the connection there is now; each stream that comes to `port` is served in a task."""

    def __init__(self, connect: Connect, port: int = 0, serve: Serve = _nobody) -> None:
        self._connect = connect
        self._port = port
        self._serve = serve
        self._app: App | None = None
        self._there = asyncio.Event()

    async def run(self, ready: Ready) -> None:
        """Connect, tell `ready`, and connect again for ever. Raises `AppError` if the first time fails."""
        try:
            async with asyncio.TaskGroup() as streams:
                await self._once(ready, streams)
                while True:
                    try:
                        await self._once(lambda app: log.info("the visor is back"), streams)
                    except AppError as exc:
                        log.debug("still without a visor: %s", exc)
                    await asyncio.sleep(AGAIN_S)
        except BaseExceptionGroup as raised:
            raise cause_of(raised) from None

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

    async def refresh(self) -> None:
        """Have the visor tell what it carried by now, if it is there; see `Tally`."""
        if self._app is not None:
            try:
                await self._app.describe()
            except AppError as exc:
                log.info("the visor tells no figures: %s", exc)

    async def _once(self, ready: Ready, streams: asyncio.TaskGroup) -> None:
        async with self._connect() as app, app.listen(self._port) as listener:
            self._app = app
            self._there.set()
            ready(app)
            try:
                await self._accept(listener, streams)
            except AppError as exc:
                log.warning("lost the visor: %s", exc)
            finally:
                self._app = None
                self._there.clear()

    async def _accept(self, listener: Listener, streams: asyncio.TaskGroup) -> None:
        while True:
            streams.create_task(self._guard(await listener.accept()))

    async def _guard(self, stream: Stream) -> None:
        try:
            await self._serve(stream)
        except Exception:  # a bug in one stream must not end the others
            log.exception("peer=%s: a stream failed", stream.peer.hex()[:8])
            stream.close()
