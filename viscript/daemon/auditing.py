"""The audit among hosts, in one daemon: begins with the cluster, and loads nothing before."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final

from viscript.cluster.book import Book
from viscript.daemon.world import World
from viscript.store.memory import Memory

if TYPE_CHECKING:
    from signal_bus.ids import PublicKey
    from viscript.cluster.audit.keeping import Keeper
    from viscript.cluster.links.api import Caller, Handler, Stream
    from viscript.statestore.api import StateStore

log = logging.getLogger(__name__)

ANEW_S: Final = 5.0
Run = Callable[[Coroutine[Any, Any, None]], object]


def keeping(memory: Memory) -> Handler:
    """Keeps the heads that other hosts tell of their audits."""

    made: list[Keeper] = []

    async def serve(stream: Stream, caller: Caller) -> None:
        from viscript.cluster.audit.keeping import Keeper

        if not made:
            made.append(Keeper(memory))
        await made[0].serve(stream, caller)

    return serve


class Auditing:
    """Has this host's audit copied and told, once there is a cluster; verbs find it as `world.witnesses`."""

    def __init__(self, world: World, book: Book, memory: Memory, run: Run) -> None:
        self._world = world
        self._book = book
        self._memory = memory
        self._run = run
        self._unlisten: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """Follow the book; the store and the links are there."""
        self._unlisten = self._book.listen(lambda book: self._look())
        self._look()

    def close(self) -> None:
        """Follow it no more; what runs ends with the daemon's tasks."""
        self._unlisten()

    def _look(self) -> None:
        if self._book.roster is None or self._world.witnesses is not None or self._world.audit is None:
            return
        from viscript.cluster.audit.copying import Copying
        from viscript.cluster.audit.telling import Telling
        from viscript.cluster.audit.trimming import Trimming
        from viscript.cluster.audit.witnesses import Witnesses

        world, audit, me = self._world, self._world.audit, self._book.identity
        telling = Telling(audit, me, lambda: world.links, broken=self._broken)
        world.witnesses = Witnesses(audit, me.public_key, self._shared, telling)
        self._run(_for_ever(telling.run))
        if self._shared() is not None:
            copying = Copying(world.store, self._memory, audit, me.public_key, joined=self._joined)
            self._run(_for_ever(copying.run))
            self._run(_for_ever(Trimming(world.store, self._fence, self._hosts).run))

    def _shared(self) -> StateStore | None:
        store: StateStore = self._world.store
        return store if store.capabilities().several_hosts else None

    def _joined(self) -> bool:
        return self._book.me is not None

    def _fence(self) -> int:
        desired = self._world.desired
        return 0 if desired is None else int(desired[0].leader.fence)

    def _hosts(self) -> Iterable[PublicKey]:
        """All that ever belonged, as far as it is known."""
        roster = self._book.roster
        return () if roster is None else {one.body.key for one in roster.records()}

    def _broken(self, label: str, reason: str) -> None:
        self._world.events.tell("audit.broken", "daemon", now=time.time(), reason=reason, host=label)


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """Begin it anew when a fault of ours ends it: the daemon goes on."""
    while True:
        try:
            await work()
        except Exception:  # a bug in the audit's copies must not end the daemon
            log.exception("the audit among hosts: one part failed; it begins anew")
        await asyncio.sleep(ANEW_S)
