"""One of many is elected; its fence is higher than every one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import repeat
from pathlib import Path

import pytest

from tests.support.stores import PATIENCE_S, Fate, Forgetful, sqlite_store
from viscript.statestore import tables
from viscript.statestore.api import Delete, Put, Range, StateStore
from viscript.statestore.election import elect, vacant
from viscript.statestore.errors import LeaseGone, Unclear

KEY = "leader"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


async def test_one_of_many_is_elected_and_all_know_who(store: StateStore) -> None:
    leases = [(await store.lease(30)).id for _ in range(8)]
    told = await asyncio.gather(*(elect(store, KEY, b"%d" % n, lease) for n, lease in enumerate(leases)))
    assert len(set(told)) == 1
    assert told[0].lease in leases
    assert told[0].value == b"%d" % leases.index(told[0].lease)


async def test_fences_rise_from_one_to_the_next(store: StateStore) -> None:
    fences = []
    for _ in range(5):
        lease = await store.lease(30)
        fences.append((await elect(store, KEY, b"", lease.id)).fence)
        await store.revoke(lease.id)
    assert fences == sorted(set(fences))


async def test_who_is_elected_already_is_told_the_same_fence(store: StateStore) -> None:
    lease = await store.lease(30)
    first = await elect(store, KEY, b"a", lease.id)
    await store.txn((), (Put(KEY, b"changed", lease.id),))
    again = await elect(store, KEY, b"a", lease.id)
    assert (again.fence, again.lease) == (first.fence, lease.id)


@pytest.mark.parametrize("fate", [Fate.DONE, Fate.LOST, Fate.LATE])
async def test_a_lost_answer_does_not_keep_one_from_knowing(store: StateStore, fate: Fate) -> None:
    lease = await store.lease(30)
    told = await elect(Forgetful(store, [fate, fate]), KEY, b"a", lease.id)
    item = await store.get(KEY)
    assert item is not None
    assert (told.lease, told.fence) == (lease.id, item.created)


async def test_answers_that_stay_lost_are_unclear(store: StateStore) -> None:
    lease = await store.lease(30)
    with pytest.raises(Unclear):
        await elect(Forgetful(store, repeat(Fate.LOST)), KEY, b"a", lease.id, timeout=0.1)


async def test_nobody_is_elected_under_a_lease_that_has_ended(store: StateStore) -> None:
    lease = await store.lease(30)
    await store.revoke(lease.id)
    with pytest.raises(LeaseGone):
        await elect(store, KEY, b"a", lease.id)


async def test_waiting_ends_when_the_place_is_free(store: StateStore) -> None:
    await vacant(store, KEY)
    lease = await store.lease(30)
    await elect(store, KEY, b"", lease.id)
    await store.txn((), (Put(f"{KEY}/of another", b""),))
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(vacant(store, KEY))
        await asyncio.sleep(0.05)
        await store.txn((), (Delete(f"{KEY}/of another"),))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await store.revoke(lease.id)


async def test_waiting_outlives_a_history_that_is_dropped(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await store.lease(30)
    await elect(store, KEY, b"", lease.id)

    class Dropping(Forgetful):
        asked = 0

        async def range(self, prefix: str, **_: float) -> Range:
            listed = await store.range(prefix)
            self.asked += 1
            if self.asked == 1:
                await store.txn((), (Put("x", b""),))
                await store._writer.run(lambda db: tables.compact(db, revisions=0))  # type: ignore[attr-defined] # sqlite
            else:
                await store.revoke(lease.id)
            return listed

    dropping = Dropping(store, ())
    async with asyncio.timeout(PATIENCE_S):
        await vacant(dropping, KEY)
    assert dropping.asked == 2
