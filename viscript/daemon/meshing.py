"""The way over the mesh in one daemon: the app that leads is known from when it comes, and used by the links.

A home without a cluster remembers one event, and nothing more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from viscript.cluster.book import Book
from viscript.cluster.links.api import HOST_REACH
from viscript.daemon.tasks import Tasks
from viscript.daemon.world import World
from viscript.events import Event, EventLog

if TYPE_CHECKING:
    from viscript.cluster.links.links import Links
    from viscript.cluster.links.overmesh import OverMesh

log = logging.getLogger(__name__)

ASK_S: Final = 10.0
ANEW_S: Final = 5.0  # before what failed begins anew


class Meshing:
    """`use` it with the links when they are made."""

    def __init__(self, world: World, book: Book, events: EventLog, tasks: Tasks) -> None:
        self._world = world
        self._book = book
        self._tasks = tasks
        self._offer: Event | None = None
        self._over: OverMesh | None = None
        self.close: Callable[[], None] = events.listen(self._hear)

    @property
    def over(self) -> OverMesh:
        """What knows the app; there is one once there are links."""
        assert self._over is not None, "used with the links"
        return self._over

    def use(self, links: Links) -> None:
        """Have the links go over the mesh where nothing else leads."""
        from viscript.cluster.links.overmesh import OverMesh

        home, me = self._world.home, self._book.me
        links.own.mesh = me.mesh if me is not None else b""  # as the others know it, until the app comes
        self._over = OverMesh(
            ask=self._ask,
            book=self._book,
            own=links.own,
            look_again=links.look_again,
            door=home.peers_socket,
            folder=home.run,
        )
        links.relay = self._over.relay
        if self._offer is not None:
            self._over.hear(self._offer)
        self._tasks.run(self._run_for_ever(self._over))

    async def _run_for_ever(self, over: OverMesh) -> None:
        while True:
            try:
                await over.run()
            except Exception:  # a bug in one way to other hosts must not end the daemon: its apps need it
                log.exception("the way over the mesh failed; it begins anew")
            await asyncio.sleep(ANEW_S)

    def _hear(self, event: Event) -> None:
        if event.type not in ("service.offered", "service.withdrawn") or event.data["type"] != HOST_REACH:
            return
        if event.type == "service.offered":
            self._offer = event
        elif self._offer is not None and self._offer.data["seq"] == event.data["seq"]:
            self._offer = None
        if self._over is not None:
            self._over.hear(event)

    async def _ask(self, seq: int, method: str, params: Mapping[str, object]) -> object:
        return await self._world.supervisor.call(seq, method, params, ASK_S)
