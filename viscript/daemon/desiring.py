"""Desired state in one daemon: begins when the host belongs to a cluster and has a store that hosts share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signal_bus.identity import Identity
from viscript.cluster.book import Book
from viscript.cluster.desired.keys import KEPT_ASSIGNED, KEPT_ORDERS
from viscript.daemon.parts import Parts
from viscript.daemon.placing import Placing
from viscript.daemon.world import World
from viscript.statestore.api import StateStore
from viscript.statestore.errors import StateStoreError
from viscript.store.memory import Memory
from viscript.supervisor.api import AppEntry
from viscript.supervisor.deployed import DeployedApps
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper

if TYPE_CHECKING:
    from viscript.cluster.desired.record import Deployment, Mode
    from viscript.cluster.desired.side import DesiredSide
    from viscript.cluster.roster import Roster

log = logging.getLogger(__name__)

Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
LEASES = "fence"  # the folder of the files of leases, among the keeper's things


@asynccontextmanager
async def desiring(
    world: World, memory: Memory, parts: Parts, keeper: Keeper, run: Run
) -> AsyncIterator[None]:
    """While the daemon serves: desired state, as soon as there is a cluster to share it with."""
    made = Desiring(
        world, book=world.book, store=world.store, memory=memory, parts=parts, keeper=keeper, run=run
    )
    await made.open()
    placing = world.placing = Placing(world, memory, run)
    await placing.open()
    try:
        yield
    finally:
        await placing.close()
        await made.close()


class Desiring:
    """Holds the side of this host, once there is one."""

    def __init__(
        self,
        world: World,
        *,
        book: Book,
        store: StateStore,
        memory: Memory,
        parts: Parts,
        keeper: Keeper,
        run: Run,
    ) -> None:
        self._world = world
        self._book = book
        self._store = store
        self._memory = memory
        self._run = run
        self._keeper = keeper
        self._conductor = parts.conductor
        self._apps = DeployedApps(parts.supervisor, parts.conductor)
        self._side: DesiredSide | None = None
        self._task: asyncio.Task[None] | None = None
        self._kept: tuple[bytes | None, bytes | None] = (None, None)
        parts.conductor.after_change.append(self._changed)
        self._unlisten = book.listen(lambda _: self._look())

    async def open(self) -> None:
        """Read what an earlier daemon had seen, and begin if there is a cluster."""
        self._kept = (await self._memory.value(KEPT_ORDERS), await self._memory.value(KEPT_ASSIGNED))
        self._look()

    async def close(self) -> None:
        """Leave. Where nothing runs under it, the lease is given back, so that nobody waits for its end."""
        side, task, self._task = self._side, self._task, None
        if side is None or task is None:
            return
        self._unlisten()
        fence = side.leader.fence
        task.cancel()
        await asyncio.wait([task])
        needed = self._world.locks.given or any(map(_needs_lease, self._apps.held().values()))
        if needed or side.controller.is_busy:  # what begins at this moment runs under it, too
            return
        try:
            await side.leader.resign(fence)
        except StateStoreError as exc:
            log.info("the leader's key is left to its lease: %s", exc)
        await side.lease.end()

    def _look(self) -> None:
        """The roster has changed."""
        if self._side is not None:
            self._side.review()
        elif self._book.roster is not None and self._store.capabilities().several_hosts:
            self._begin(self._book.identity)

    def _begin(self, identity: Identity) -> None:
        """Loaded only now: most homes have no store that hosts share."""
        from viscript.cluster.desired.locks import Locks
        from viscript.cluster.desired.ordering import Ordering
        from viscript.cluster.desired.side import DesiredSide, Surroundings

        side = self._side = DesiredSide(
            Surroundings(
                store=self._store,
                me=identity.public_key,
                roster=self._roster,
                apps=self._apps,
                folder=Path(self._world.home.keeper) / LEASES,
                entry_of=self._entry_of,
                run=self._run,
                save=self._memory.note_value,
                tell=self._tell,
                marked=self._mark,
            )
        )
        side.mirror.restore(*self._kept)
        self._world.desired = (side, Ordering(side, identity))
        locks = self._world.locks = Locks(
            self._store,
            side.lease,
            self._keeper,
            me=identity.public_key,
            label=side.label,
            lives=self._lives,
        )
        self._task = self._run(side.run(locks.run))

    def _mark(self, mode: Mode) -> None:
        """The other hosts see by it whether this one takes work."""
        links = self._world.links
        if links is not None:
            links.own.paused, links.own.draining = mode == "paused", mode == "drained"

    def _lives(self, run: tuple[int, int]) -> bool:
        managed = self._conductor.managed.get(run[0])
        return managed is not None and managed.generation == run[1] and managed.pid is not None

    def _roster(self) -> Roster | None:
        return self._book.roster

    def _entry_of(self, order: Deployment) -> AppEntry:
        from viscript.cluster.desired.controller import entry_from
        from viscript.cluster.desired.trust import is_admins

        roster = self._book.roster
        by_admin = roster is not None and is_admins(order, roster.role_of)
        return entry_from(order, self._world.supervisor.find_app, by_admin=by_admin)

    def _changed(self, managed: Managed) -> None:
        if self._side is not None and managed.entry.deployed is not None:
            self._side.look()

    def _tell(self, kind: str, subject: str, reason: str) -> None:
        self._world.events.tell(kind, subject, now=time.time(), reason=reason)


def _needs_lease(managed: Managed) -> bool:
    told = managed.entry.deployed
    return managed.pid is not None and told is not None and told.fence > 0
