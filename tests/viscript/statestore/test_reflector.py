"""A copy that follows the store through compaction and absence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.stores import PATIENCE_S, Forgetful, sqlite_store
from viscript.statestore import reflector as reflector_module
from viscript.statestore.api import Batch, Delete, Item, Put, Range, StateStore
from viscript.statestore.errors import Compacted, StoreAway
from viscript.statestore.reflector import Reflector


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector_module, "FIRST_PAUSE_S", 0.01)


async def until(probe: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not probe():
            await asyncio.sleep(0.01)


class Following:
    """A reflector at work, and what it told."""

    def __init__(self, store: Any) -> None:  # Any: a store, or what stands in for one
        self.told: list[tuple[str, bytes | None]] = []
        self.settled = 0
        self.copy = Reflector(store, "k/", changed=self._hear, settled=self._settle)

    def _hear(self, key: str, item: Item | None) -> None:
        self.told.append((key, None if item is None else item.value))

    def _settle(self) -> None:
        self.settled += 1

    async def __aenter__(self) -> Following:
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._task = self._tasks.create_task(self.copy.run())
        return self

    async def __aexit__(self, *fault: Any) -> None:
        self._task.cancel()
        await self._tasks.__aexit__(*fault)

    def values(self) -> dict[str, bytes]:
        return {key: item.value for key, item in self.copy.items.items()}


async def test_the_copy_begins_with_what_there_is_and_follows(store: StateStore) -> None:
    await store.txn((), (Put("k/a", b"1"), Put("k/b", b"1"), Put("other", b"")))
    async with Following(store) as following:
        await until(following.copy.fresh.is_set)
        assert following.values() == {"k/a": b"1", "k/b": b"1"}
        await store.txn((), (Put("k/a", b"2"), Delete("k/b"), Put("k/c", b"3")))
        await until(lambda: following.values() == {"k/a": b"2", "k/c": b"3"})
    assert following.told == [("k/a", b"1"), ("k/b", b"1"), ("k/a", b"2"), ("k/b", None), ("k/c", b"3")]
    assert following.settled == 2


class Troubled(Forgetful):
    """Away as long as told; a watch may lose its history."""

    away = False
    compacted = False

    def __init__(self, store: StateStore) -> None:
        super().__init__(store, ())
        self.listed = 0

    async def range(self, prefix: str, **_: float) -> Range:
        if self.away:
            raise StoreAway("nobody answers")
        self.listed += 1
        return await self._store.range(prefix)

    async def watch(self, prefix: str, from_revision: int, **_: float) -> AsyncGenerator[Batch, None]:
        if self.compacted:
            self.compacted = False
            raise Compacted(from_revision)
        async for batch in self._store.watch(prefix, from_revision):
            if self.away:
                raise StoreAway("nobody answers")
            yield batch


async def test_the_copy_is_listed_again_when_history_is_gone(store: StateStore) -> None:
    await store.txn((), (Put("k/a", b"1"), Put("k/b", b"1")))
    troubled = Troubled(store)
    troubled.compacted = True
    async with Following(troubled) as following:
        await until(lambda: troubled.listed == 2)
        await store.txn((), (Put("k/a", b"2"),))
        await until(lambda: following.values() == {"k/a": b"2", "k/b": b"1"})
    assert following.told == [("k/a", b"1"), ("k/b", b"1"), ("k/a", b"2")]  # nothing is told twice


class Restored:
    """A store that is put back to what another one has; whoever watches hears nothing of it."""

    def __init__(self, now: StateStore, then: StateStore) -> None:
        self._now = now
        self._then = then
        self.listed = 0

    def restore(self) -> None:
        self._now = self._then

    async def range(self, prefix: str) -> Range:
        self.listed += 1
        return await self._now.range(prefix)

    async def watch(self, prefix: str, from_revision: int) -> AsyncGenerator[Batch, None]:
        await asyncio.Event().wait()
        yield Batch(0, ())


async def test_a_store_that_was_restored_is_seen_as_it_is_after_a_while(
    store: StateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector_module, "LIST_AGAIN_S", 0.1)
    (tmp_path / "old").mkdir()
    async with sqlite_store(tmp_path / "old") as old:
        await old.txn((), (Put("k/a", b"then"), Put("k/b", b"")))
        await store.txn((), (Put("k/a", b"now"), Put("k/c", b"")))  # at the same revision
        restored = Restored(store, old)
        async with Following(restored) as following:
            await until(lambda: following.values() == {"k/a": b"now", "k/c": b""})
            restored.restore()
            await until(lambda: following.values() == {"k/a": b"then", "k/b": b""})
            told, listed = len(following.told), restored.listed
            await until(lambda: restored.listed > listed + 1)
            assert len(following.told) == told, "what is as it was is not told"


async def test_the_copy_stays_and_says_so_while_the_store_is_away(store: StateStore) -> None:
    await store.txn((), (Put("k/a", b"1"), Put("k/b", b"1")))
    troubled = Troubled(store)
    async with Following(troubled) as following:
        await until(following.copy.fresh.is_set)
        troubled.away = True
        await store.txn((), (Delete("k/b"), Put("k/a", b"2")))
        await until(lambda: not following.copy.fresh.is_set())
        assert following.copy.fault == "nobody answers"
        assert following.values() == {"k/a": b"1", "k/b": b"1"}
        troubled.away = False
        await until(following.copy.fresh.is_set)
        assert following.values() == {"k/a": b"2"}
        assert following.copy.fault == ""


@pytest.mark.parametrize("bound, most", [("ITEMS_MAX", 2), ("BYTES_MAX", 1000)])
async def test_more_than_anybody_of_ours_wrote_is_not_taken_and_said(
    store: StateStore, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(reflector_module, bound, most)
    await store.txn((), (Put("k/a", b"1"), Put("k/b", b"2")))
    async with Following(store) as following:
        await until(lambda: following.copy.fresh.is_set())
        await store.txn((), (Put("k/c", bytes(1000)),))
        await until(lambda: "what writes there?" in following.copy.fault)
        assert not following.copy.fresh.is_set()
        assert {"k/a", "k/b"} <= following.values().keys()
        await store.txn((), (Delete("k/c"),))
        await until(lambda: following.copy.fresh.is_set())
        assert following.values() == {"k/a": b"1", "k/b": b"2"}
        assert following.copy._bytes == 8
