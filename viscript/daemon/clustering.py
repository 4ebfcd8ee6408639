"""The cluster's parts of one daemon: the roster, and pairing."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from signal_bus.identity import Identity
from viscript.cluster.book import Book
from viscript.cluster.links.serving import by_door
from viscript.daemon.auditing import Auditing, keeping
from viscript.daemon.linking import Linking, States
from viscript.daemon.peering import PeeringSide
from viscript.daemon.sharing import serving
from viscript.daemon.tasks import Tasks
from viscript.daemon.world import World, host_name
from viscript.door.server import Door
from viscript.store.memory import Memory

if TYPE_CHECKING:
    from viscript.cluster.pairing.pairing import Pairing


async def open_cluster(
    world: World, memory: Memory, identity: Identity, tasks: Tasks, states: States
) -> Clustering:
    """Read the roster of this home, and give verbs what they need of it."""
    book = Book(memory, identity, Path(world.home.cluster_key))
    await book.open()
    config, events = world.config().cluster, world.events
    linking = Linking(world, book, memory=memory, events=events, tasks=tasks, states=states, config=config)
    made = Clustering(book, world, memory, tasks, linking)
    linking.serve("store", serving(world))
    linking.serve("audit", keeping(memory))
    made.auditing = Auditing(world, book, memory, tasks.run)
    world.book, world.pairing_of = book, lambda: made.pairing
    return made


class Clustering:
    """What a home has of a cluster, also while it has none."""

    auditing: Auditing

    def __init__(self, book: Book, world: World, memory: Memory, tasks: Tasks, linking: Linking) -> None:
        self.book = book
        self.linking = linking
        self._world = world
        self._tasks = tasks
        self._known = self._labels()
        self.peering = PeeringSide(
            world,
            book,
            memory,
            tasks,
            label=self.label,
            hosts=self._reached_at,
            mesh=linking.over_mesh,
        )
        self._unlisten = book.listen(self._changed)

    @cached_property
    def pairing(self) -> Pairing:
        """Made when somebody invites or joins: it costs ten megabytes, and most homes never do."""
        from viscript.cluster.pairing.pairing import Pairing

        return Pairing(
            self.book,
            label=self.label,
            own_card=self.linking.card,
            run=self._tasks.run,
            now=time.monotonic,
            reached_at=self._reached_at,
            mesh=self.linking.over_mesh,
            door=self._world.home.joiners_socket,
        )

    def label(self) -> str:
        """What the others call this host; before it is called anything, its own name."""
        from viscript.cluster.pairing.membership import label_from

        me = self.book.me
        return me.label if me is not None else label_from(self._world.config().cluster.label or host_name())

    async def begin(self, door: Door) -> None:
        """Connect to the other hosts, and answer them by this door."""
        self.linking.serve("door", by_door(door.serve))
        self.linking.serve("guest", self.peering.serve)
        self.linking.serve("abroad", self.peering.serve_errand)
        await self.peering.begin(door.carry)
        self.linking.begin()
        self.auditing.begin()

    def close(self) -> None:
        """End what is under way, and listen to nothing more."""
        self._unlisten()
        self.auditing.close()
        self.peering.close()
        self.linking.close()
        if "pairing" in self.__dict__:
            self.pairing.close()

    def _reached_at(self) -> list[str]:
        """Where a joiner finds this host: what is advertised, or the addresses it has."""
        from viscript.cluster.pairing.addresses import advertised, own_addresses

        return advertised(self._world.config().cluster.advertise) or own_addresses()

    def _labels(self) -> dict[bytes, str]:
        roster = self.book.roster
        return {} if roster is None else {key: member.label for key, member in roster.present.items()}

    def _changed(self, book: Book) -> None:
        """Tell who came and who went; not of this host itself, whose person knows."""
        before, self._known = self._known, self._labels()
        if book.roster is None:
            return
        tell: Callable[..., object] = self._world.events.tell
        for key, label in self._known.items():
            if key not in before and key != self.book.identity.public_key:
                tell("host.joined", f"host/{label}", now=time.time(), label=label, public_key=key.hex())
        for key, label in before.items():
            if key not in self._known and key != self.book.identity.public_key:
                tell("host.gone", f"host/{label}", now=time.time(), label=label, public_key=key.hex())
