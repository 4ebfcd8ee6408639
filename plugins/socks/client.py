"""`python -P -m plugins.socks.client`: local ports for programs, whose connections leave at an exit."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from components.visor.app import App
from components.visor.kit import process
from components.visor.kit.gate import Gate, Serve
from components.visor.kit.kept import KeptVisor
from components.visor.kit.ledger import Ledger
from plugins.socks import leaks, options
from plugins.socks.entering import Entrance
from plugins.socks.exits import Exits
from plugins.socks.options import ClientOptions
from plugins.socks.outward import outward


class Client:
    """A client with these options."""

    def __init__(self, given: ClientOptions) -> None:
        self._given = given
        self.ledger = Ledger()
        self._visor = KeptVisor(self._connect)
        self.exits = Exits(self._visor, (), given.exit_port)
        self._entrance = Entrance(self.exits, self.ledger, given.credentials)
        self._endpoints: dict[str, str] = {}

    @property
    def methods(self) -> tuple[Callable[..., object], ...]:
        """What it answers besides `status`."""
        return (self.leak_test,)

    def _connect(self) -> App:
        return App.connect(self._given.visor, name=self._given.name)

    async def run(self, ready: process.Ready) -> None:
        """Serve for ever.

        Raises `PortError`, or `AppError` when there is no visor at the start, or an exit is nobody.
        """
        with ExitStack() as stack:
            gates = self._gates(stack)
            await self.exits.find(self._given.peers, self._connect)
            async with asyncio.TaskGroup() as group:
                for gate, serve in gates:
                    group.create_task(gate.run(serve))
                await self._visor.run(lambda app: ready(self._endpoints))

    def _gates(self, stack: ExitStack) -> list[tuple[Gate, Serve]]:
        """The ports, open. Raises `PortError`."""
        gates = list[tuple[Gate, Serve]]()
        places = {"socks": self._given.listen, "http": self._given.web}
        for kind, serve in (("socks", self._entrance.socks), ("http", self._entrance.web)):
            place = places[kind]
            if place is not None:
                gate = Gate(*place)
                stack.callback(gate.close)
                self._endpoints[kind] = gate.address
                gates.append((gate, serve))
        return gates

    async def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """Where this client listens, where it leaves the mesh, and who uses it."""
        await self._visor.refresh()
        return {
            "name": self._given.name,
            "exits": list(self.exits.keys),
            "visor": self._visor.is_there,
            **self._endpoints,
            **self.ledger.figures(time.monotonic()),
        }

    async def leak_test(self) -> list[dict[str, str]]:
        """Whether what programs send by SOCKS comes out at the exit, names too."""
        host, _, port = self._endpoints["socks"].rpartition(":")
        page, why = None, ""
        try:
            page = await leaks.look(host.strip("[]"), int(port), self._given.credentials)
        except leaks.NoPage as exc:
            why = str(exc)
        return [found._asdict() for found in leaks.findings(page, why, self.exits.keys, outward())]


if __name__ == "__main__":
    sys.exit(process.main("socks-client", lambda: Client(options.client(sys.argv[1:]))))
