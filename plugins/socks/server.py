"""`python -P -m plugins.socks.server`: the exit. Streams come in at a mesh port, connections go out."""

from __future__ import annotations

import sys
import time
from typing import Any

from components.visor.app import App, parse_key
from components.visor.kit import process
from components.visor.kit.kept import KeptVisor
from components.visor.kit.ledger import Ledger
from plugins.socks import options
from plugins.socks.leaving import Exit
from plugins.socks.options import ServerOptions
from plugins.socks.policy import Policy


class Server:
    """An exit with these options. Raises `Misuse` for a key that is none."""

    def __init__(self, given: ServerOptions) -> None:
        self._given = given
        self.ledger = Ledger()
        keys = frozenset(parse_key(text) for text in given.allow)
        self._exit = Exit(Policy(given.allow_private, keys), self.ledger)
        self._visor = KeptVisor(self._connect, given.port, self._exit.serve)

    def _connect(self) -> App:
        return App.connect(self._given.visor, name=self._given.name)

    async def run(self, ready: process.Ready) -> None:
        """Serve for ever. Raises `AppError` when there is no visor at the start, or the port is taken."""

        def began(app: App) -> None:
            self._exit.key = app.key.hex()
            ready({"key": self._exit.key, "port": str(self._given.port)})

        await self._visor.run(began)

    async def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """Who uses this exit, and how much went through it."""
        await self._visor.refresh()
        return {
            "name": self._given.name,
            "port": self._given.port,
            "visor": self._visor.is_there,
            **self._exit.figures(),
            **self.ledger.figures(time.monotonic()),
        }


if __name__ == "__main__":
    sys.exit(process.main("socks-server", lambda: Server(options.server(sys.argv[1:]))))
