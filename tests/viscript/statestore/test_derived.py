"""Writes whose answers are lost, done late, or never: each is done once, or said to be unclear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.stores import Fate, Forgetful, batches_of, sqlite_store
from viscript.statestore import derived
from viscript.statestore.api import (
    OPERATIONS_MAX,
    Compare,
    Get,
    Item,
    Op,
    Put,
    StateStore,
    Txn,
    absent,
    present,
)
from viscript.statestore.derived import REQUESTS, Writes
from viscript.statestore.errors import InvalidRequest, LeaseGone, StoreAway, Unclear


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "_PAUSE_S", 0.0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


async def history(store: StateStore, key: str) -> list[bytes | None]:
    """What the key was, change by change."""
    await store.txn((), (Put("end", b""),))
    found: list[bytes | None] = []
    last = (await store.range("")).revision
    for batch in await batches_of(store, "", 2, last - 1):  # one for each revision
        found += [None if e.deleted else e.item.value for e in batch.events if e.item.key == key]
    return found


FATES = st.lists(st.sampled_from(list(Fate)), max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=FATES, there=st.booleans())
@example(fates=[Fate.LATE], there=True)
@example(fates=[Fate.LATE], there=False)
async def test_a_put_is_done_once_whatever_becomes_of_its_answers(
    tmp_path_factory: pytest.TempPathFactory, fates: list[Fate], there: bool
) -> None:
    async with sqlite_store(tmp_path_factory.mktemp("s")) as store:
        if there:
            await store.txn((), (Put("k", b"old"),))
        revision = await Writes(Forgetful(store, fates)).put("k", b"new")
        item = await store.get("k")
        assert item is not None
        assert (item.value, item.revision) == (b"new", revision)
        assert await history(store, "k") == [*([b"old"] if there else []), b"new"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=FATES)
@example(fates=[Fate.LATE] * 6)
@example(fates=[Fate.DONE, Fate.LATE])
async def test_a_key_is_created_and_deleted_once_whatever_becomes_of_the_answers(
    tmp_path_factory: pytest.TempPathFactory, fates: list[Fate]
) -> None:
    async with sqlite_store(tmp_path_factory.mktemp("s")) as store:
        writes = Writes(Forgetful(store, fates * 3))
        first = await writes.create("k", b"1")
        assert first is not None
        assert await writes.create("k", b"1") is None
        assert await writes.delete("k") is True
        assert await writes.delete("k") is False
        assert await history(store, "k") == [b"1", None]


async def test_a_put_takes_the_place_of_what_came_in_between(store: StateStore) -> None:
    class Busy(Forgetful):
        async def get(self, key: str, **_: float) -> Item | None:
            found = await store.get(key)
            await store.txn((), (Put(key, b"of another"),))
            return found

    for _ in range(2):
        await Writes(Busy(store, ())).put("k", b"ours")
        item = await store.get("k")
        assert item is not None
        assert item.value == b"ours"


async def test_what_another_wrote_behind_a_lost_answer_is_not_undone(store: StateStore) -> None:
    await store.txn((), (Put("k", b"old"),))

    class Overtaken(Forgetful):
        async def txn(
            self, compare: Sequence[Compare], then: Sequence[Op], otherwise: Sequence[Op] = (), **_: float
        ) -> Txn:
            try:
                return await super().txn(compare, then, otherwise)
            finally:
                if self.sent == 1:
                    await store.txn((), (Put("k", b"newer"),))

    assert await Writes(Overtaken(store, [Fate.DONE])).put("k", b"ours")
    assert await history(store, "k") == [b"old", b"ours", b"newer"]
    await Writes(Overtaken(store, [Fate.DONE])).delete("k")
    assert await history(store, "k") == [b"old", b"ours", b"newer", None, b"newer"]


async def test_a_transaction_that_was_found_done_says_so(store: StateStore) -> None:
    writes = Writes(Forgetful(store, [Fate.DONE, Fate.LOST]))
    done = await writes.txn((absent("k"),), (Put("k", b""), Get("k")), (Get("other"),))
    assert (done.ok, done.results) == (True, (None, None))
    not_done = await writes.txn((absent("k"),), (Put("k", b"2"),), (Get("k"),))
    assert not not_done.ok
    assert not_done.results == (await store.get("k"),)
    assert (await writes.txn((present("k"),), (Get("k"),))).results == (await store.get("k"),)


async def test_marks_go_with_their_lease(store: StateStore) -> None:
    writes = Writes(store)
    for key in "abc":
        await writes.create(key, b"")
    marks = (await store.range(REQUESTS)).items
    assert len(marks) == 3
    (lease,) = {mark.lease for mark in marks}
    await store.revoke(lease)
    assert await writes.create("d", b"")  # under a new lease
    assert len((await store.range(REQUESTS)).items) == 1


async def test_marks_are_taken_away_at_the_end(store: StateStore) -> None:
    writes = Writes(store)
    await writes.close()
    await writes.create("a", b"")
    await writes.close()
    assert [item.key for item in (await store.range("")).items] == ["a"]
    assert await writes.create("b", b"")


async def test_a_lease_of_marks_is_not_used_for_long(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derived, "_MARK_OLD_S", 0.0)
    writes = Writes(store)
    await writes.create("a", b"")
    await writes.create("b", b"")
    assert len({mark.lease for mark in (await store.range(REQUESTS)).items}) == 2


async def test_a_lease_of_the_caller_that_is_gone_is_said_so(store: StateStore) -> None:
    with pytest.raises(LeaseGone):
        await Writes(store).create("a", b"", lease=77)


async def test_answers_that_stay_lost_are_unclear_in_the_end(store: StateStore) -> None:
    with pytest.raises(Unclear):
        await Writes(Forgetful(store, repeat(Fate.LOST))).create("a", b"", timeout=0.1)
    await store.txn((), (Put("k", b""),))
    with pytest.raises(Unclear):
        await Writes(Forgetful(store, repeat(Fate.LOST))).put("k", b"1", timeout=0.1)


async def test_a_store_that_goes_away_behind_a_lost_answer_leaves_it_unclear(store: StateStore) -> None:
    class Away(Forgetful):
        async def txn(
            self, compare: Sequence[Compare], then: Sequence[Op], otherwise: Sequence[Op] = (), **_: float
        ) -> Txn:
            if self.sent:
                raise StoreAway("gone")
            return await super().txn(compare, then, otherwise)

    with pytest.raises(Unclear, match="gone"):
        await Writes(Away(store, [Fate.LOST])).create("a", b"")
    away = Away(store, ())
    away.sent = 1
    with pytest.raises(StoreAway):
        await Writes(away).create("a", b"")
    await store.txn((), (Put("k", b""),))
    with pytest.raises(Unclear, match="gone"):
        await Writes(Away(store, [Fate.LOST])).delete("k")
    with pytest.raises(StoreAway):
        await Writes(away).delete("k")


async def test_a_transaction_leaves_room_for_its_mark(store: StateStore) -> None:
    with pytest.raises(InvalidRequest, match="at most 127 parts"):
        await Writes(store).txn((), [Get("a")] * OPERATIONS_MAX)


async def test_pauses_grow_and_end_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "_PAUSE_S", 0.02)
    deadline = derived.Deadline(0.1)
    pauses = 0

    async def pause_for_ever() -> None:
        nonlocal pauses
        while True:
            await deadline.pause(ValueError("why"))
            pauses += 1

    with pytest.raises(ValueError, match="why"):
        await pause_for_ever()
    assert 1 <= pauses <= 3
    await asyncio.sleep(0.1)
    assert deadline.left() == 0.01
