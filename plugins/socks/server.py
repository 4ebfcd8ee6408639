"""`python -P -m plugins.socks.server`: the exit. Streams come in at a mesh port, connections go out."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from components.visor.app import App, Listener, parse_key
from components.visor.kit import process
from plugins.socks import options
from plugins.socks.leaving import Exit
from plugins.socks.ledger import Ledger
from plugins.socks.options import ServerOptions
from plugins.socks.policy import Policy


class Server:
    """An exit with these options. Raises `Misuse` for a key that is none."""

    def __init__(self, given: ServerOptions) -> None:
        self._given = given
        self._ledger = Ledger()
        keys = frozenset(parse_key(text) for text in given.allow)
        self._exit = Exit(Policy(given.allow_private, keys), self._ledger)

    async def run(self, ready: process.Ready) -> None:
        """Serve until the visor goes. Raises `AppError`."""
        given = self._given
        async with App.connect(given.visor, name=given.name) as app, app.listen(given.port) as listener:
            ready({"key": app.key.hex(), "port": str(listener.port)})
            await self._serve(listener)

    async def _serve(self, listener: Listener) -> None:
        async with asyncio.TaskGroup() as group:
            async for stream in listener:
                group.create_task(self._exit.serve(stream))

    def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """Who uses this exit, and how much went through it."""
        return {"name": self._given.name, "port": self._given.port, **self._ledger.figures(time.monotonic())}


if __name__ == "__main__":
    sys.exit(process.main("socks-server", lambda: Server(options.server(sys.argv[1:]))))
