"""Routes for a node: asked of the route finder, and where none answers, found in our copy of all transports.

Only a node that looks for routes has a copy: one that carries for others learns no keys but its neighbours'.
From its first question on the copy is made again every `EVERY_S`, with some jitter so that a mesh that was
started at once does not ask at once; after an hour without a question it is forgotten. It serves for an hour
after it was made: a transport that is gone since costs a failed setup.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from components.mesh import forms, paths
from components.mesh.caller import Denied
from components.mesh.errors import PeerError, RemoteError, TimedOut, WorldError
from components.mesh.forms import RouteOptions, Told, Weight
from components.mesh.paths import Graph, Path
from components.mesh.services import Services
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
JITTER: Final = 0.2
PATIENCE_S: Final = 1.0  # for the finder, where we have a copy
USABLE_S: Final = 3600.0
FINAL: Final = frozenset({400, 404})  # answers that another look does not change


class Atlas:
    """Finds routes. `clock` is monotonic seconds."""

    def __init__(
        self, services: Services, clock: Callable[[], float], jitter: Callable[[], float] = random.random
    ) -> None:
        self._services = services
        self._clock = clock
        self._jitter = jitter
        self._made: float | None = None
        self._asked = 0.0
        self._wanted = asyncio.Event()
        self._transports: tuple[Told, ...] = ()
        self._graphs: dict[Weight, Graph] = {}

    @property
    def transports(self) -> tuple[Told, ...]:
        """Our copy of all transports; empty when it is too old."""
        usable = self._made is not None and self._clock() - self._made < USABLE_S
        return self._transports if usable else ()

    async def routes(
        self, start: PublicKey, end: PublicKey, options: RouteOptions | None = None
    ) -> list[Path]:
        """Routes, the best first, that are as `options` say. Raises `PeerError` or `WorldError`."""
        asked = options or RouteOptions()
        self._asked = self._clock()
        self._wanted.set()
        try:
            return await self._finder(start, end, asked)
        except (PeerError, WorldError) as exc:
            if isinstance(exc, Denied) and exc.status in FINAL:
                raise
            if not self.transports:
                raise
            log.info("routes from our own copy of the transports: %s", exc)
        found = await asyncio.to_thread(self._search, start, end, asked)
        if not found:
            raise RemoteError("route", f"our copy of the transports has no such route to {end.hex()}")
        return found

    async def look(self) -> tuple[Told, ...]:
        """All transports as they are now; our copy where nobody answers."""
        await self._tried()
        return self.transports

    async def _finder(self, start: PublicKey, end: PublicKey, asked: RouteOptions) -> list[Path]:
        """As the finder says; not waited for long where our copy can answer."""
        patience_s = PATIENCE_S if self.transports else None
        try:
            async with asyncio.timeout(patience_s):
                return await self._services.routes(start, end, asked)
        except TimedOut:
            raise
        except TimeoutError as exc:
            raise TimedOut("the route finder", PATIENCE_S) from exc

    async def refresh(self) -> None:
        """Make the copy again. Raises `PeerError` or `WorldError`; then the old one stays."""
        transports = await self._services.all_transports()
        self._transports, self._made = transports, self._clock()
        self._graphs = {}

    async def refresh_forever(self) -> None:
        """Make the copy again now and then, whatever happens to a try, as long as routes are looked for."""
        while True:
            await self._wanted.wait()
            await self._tried()
            await asyncio.sleep(EVERY_S * (1 + JITTER * self._jitter()))
            if self._clock() - self._asked >= USABLE_S:
                self._wanted.clear()
                self._transports, self._graphs = (), {}

    async def _tried(self) -> None:
        try:
            await self.refresh()
        except (PeerError, WorldError) as exc:
            log.info("our copy of the transports stays as it was: %s", exc)

    def _search(self, start: PublicKey, end: PublicKey, asked: RouteOptions) -> list[Path]:
        graphs = self._graphs
        if asked.weight not in graphs:
            graphs[asked.weight] = Graph(forms.edges(self._transports, asked.weight))
        wish = forms.wish(asked)
        if asked.disjoint:
            return paths.pair(graphs[asked.weight], start, end, wish)
        return paths.shortest(graphs[asked.weight], start, end, wish, count=asked.count)
