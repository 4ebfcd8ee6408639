"""The links to other hosts in one daemon: loaded and begun with the first roster, not before.

A home without a cluster pays nothing for it. What other parts serve over links they say at once
(`serve`), whenever the links begin.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from viscript.cluster.book import Book
from viscript.cluster.links.api import Reach
from viscript.cluster.model import SignedCard
from viscript.config.model import Cluster
from viscript.daemon.meshing import Meshing
from viscript.daemon.tasks import Tasks
from viscript.daemon.world import World
from viscript.events import EventLog
from viscript.states import UP, State
from viscript.store.memory import Memory

if TYPE_CHECKING:
    from signal_bus.ids import PublicKey
    from viscript.cluster.links.api import Handler, HostState, Kind
    from viscript.cluster.links.links import Links
    from viscript.cluster.links.overmesh import OverMesh

log = logging.getLogger(__name__)

_EVENTS: Final = {
    Reach.UP: "host.up",
    Reach.SUSPECT: "host.suspect",
    Reach.DOWN: "host.down",
    Reach.PAUSED: "host.paused",
}
ANEW_S: Final = 5.0  # before links that failed begin anew
States = Callable[[], Iterable[State]]


class Linking:
    """Begins the links, tells of hosts that come and go, and shows them to verbs as `world.links`."""

    def __init__(
        self,
        world: World,
        book: Book,
        *,
        memory: Memory,
        events: EventLog,
        tasks: Tasks,
        states: States,
        config: Cluster,
    ) -> None:
        self._world = world
        self._book = book
        self._memory = memory
        self._events = events
        self._tasks = tasks
        self._states = states
        self._config = config
        self._handlers: dict[Kind, Handler] = {}
        self._links: Links | None = None
        self._running: asyncio.Task[None] | None = None
        self._seen: dict[PublicKey, Reach] = {}
        self._unlisten: Callable[[], None] = lambda: None
        self._meshing = Meshing(world, book, events, tasks)

    def begin(self) -> None:
        """Follow the book: there are links while there is a roster."""
        self._unlisten = self._book.listen(lambda book: self._look())
        self._look()

    def close(self) -> None:
        """Follow it no more; the links end with the daemon's tasks."""
        self._unlisten()
        self._meshing.close()
        self._world.links = None

    def serve(self, kind: Kind, handler: Handler) -> None:
        """Have the streams of a kind that other hosts open carried by `handler`."""
        self._handlers[kind] = handler
        if self._links is not None:
            self._links.serve(kind, handler)

    def card(self) -> SignedCard:
        """What this host says of itself now."""
        return self.links().own.card()

    def links(self) -> Links:
        """The links, which may not have begun yet."""
        if self._links is None:
            self._links = self._made()
        return self._links

    def over_mesh(self) -> OverMesh:
        """What leads over the mesh, where an app does."""
        self.links()
        return self._meshing.over

    def _look(self) -> None:
        joined = self._book.me is not None
        self._world.links = self.links() if joined else None
        if joined and self._running is None:
            self._running = self._tasks.run(self._run_for_ever(self.links()))

    async def _run_for_ever(self, links: Links) -> None:
        while True:
            try:
                await links.run()
            except Exception:  # a bug in the links must not end the daemon: its apps need it
                log.exception("the links to other hosts failed; they begin anew")
            await asyncio.sleep(ANEW_S)

    def _made(self) -> Links:
        from viscript.cluster.links.links import Links
        from viscript.cluster.links.listening import Listening, Wanted
        from viscript.cluster.machine import Machine

        home, config = self._world.home, self._config
        wanted = Wanted(listen=config.listen, advertise=config.advertise, labels=config.labels)
        machine = Machine(self._apps, self._world.facts().started_at, time.monotonic)
        listening = Listening(wanted, f"ipc://{home.peers_socket}", self._memory)
        made = Links(self._book, listening, machine.figures, self._memory)
        for kind, handler in self._handlers.items():
            made.serve(kind, handler)
        made.on_change(self._tell)
        self._meshing.use(made)
        return made

    def _apps(self) -> tuple[int, int]:
        states = list(self._states())
        return sum(state in UP for state in states), len(states)

    def _tell(self, row: HostState) -> None:
        """A host is seen otherwise than before; that it joined is told by the roster's own event."""
        before, self._seen[row.key] = self._seen.get(row.key), row.state
        if before is not None and before is not row.state:
            self._events.tell(
                _EVENTS[row.state],
                f"host/{row.label}",
                now=time.time(),
                label=row.label,
                public_key=row.key.hex(),
                age_seconds=row.age_seconds,
                version=row.version,
                path=row.path,
            )
