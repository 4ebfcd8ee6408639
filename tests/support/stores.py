"""State stores for tests: one of each engine, empty, closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from viscript.statestore.access import Access
from viscript.statestore.api import Batch, Compare, Item, Op, StateStore, Txn
from viscript.statestore.errors import Unclear
from viscript.statestore.etcd.address import address_of
from viscript.statestore.etcd.store import EtcdStore
from viscript.statestore.sqlite import SqliteStore

PATIENCE_S = 30.0


@asynccontextmanager
async def sqlite_store(folder: Path, clock: Callable[[], float] | None = None) -> AsyncIterator[SqliteStore]:
    """One on a file of its own in that folder."""
    path = folder / "store.db"
    store = SqliteStore(path) if clock is None else SqliteStore(path, clock=clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def etcd_store(url: str, access: Access = Access()) -> AsyncIterator[EtcdStore]:  # noqa: B008 (a constant)
    """One of a real etcd."""
    store = EtcdStore(address_of(url), access)
    try:
        yield store
    finally:
        await store.close()


class Fate(Enum):
    """What becomes of a transaction whose answer is lost."""

    ANSWERED = "answered"
    DONE = "done, and the answer lost"
    LOST = "never done"
    LATE = "done when the next one comes"


class Forgetful:
    """A store whose answers are lost as told, transaction by transaction; all else is passed on."""

    def __init__(self, store: StateStore, fates: Iterable[Fate]) -> None:
        self._store = store
        self._fates = iter(fates)
        self._late: list[tuple[Any, ...]] = []  # Any: the arguments of a transaction
        self.sent = 0

    def __getattr__(self, name: str) -> Any:  # Any: whatever the store has there
        return getattr(self._store, name)

    async def txn(
        self, compare: Sequence[Compare], then: Sequence[Op], otherwise: Sequence[Op] = (), **_: float
    ) -> Txn:
        self.sent += 1
        late, self._late = self._late, []
        for args in late:
            await self._store.txn(*args)
        fate = next(self._fates, Fate.ANSWERED)
        if fate is Fate.LATE:
            self._late.append((compare, then, otherwise))
        elif fate is not Fate.LOST:
            done = await self._store.txn(compare, then, otherwise)
            if fate is Fate.ANSWERED:
                return done
        raise Unclear(f"the answer is lost: {fate.value}")


async def batches_of(store: StateStore, prefix: str, from_revision: int, count: int) -> list[Batch]:
    """The first so many batches of a watch."""
    found: list[Batch] = []
    async with asyncio.timeout(PATIENCE_S), aclosing(store.watch(prefix, from_revision)) as watch:
        async for batch in watch:
            found.append(batch)
            if len(found) == count:
                break
    return found


def short(item: Item | None) -> tuple[str, bytes] | None:
    """Key and value of an item."""
    return None if item is None else (item.key, item.value)
