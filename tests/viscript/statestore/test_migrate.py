"""Copying a whole store: whole, again and again, and never over what another wrote."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.etcd import Etcd
from tests.support.stores import Fate, Forgetful, etcd_store, sqlite_store
from viscript.statestore import derived
from viscript.statestore import migrate as migrate_module
from viscript.statestore.api import Delete, Put, Range, StateStore
from viscript.statestore.derived import Writes
from viscript.statestore.errors import StoreAway
from viscript.statestore.migrate import Copied, Differs, FencesFall, migrate
from viscript.statestore.sqlite import SqliteStore


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    (tmp_path / "from").mkdir()
    async with sqlite_store(tmp_path / "from") as store:
        yield store


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    (tmp_path / "to").mkdir()
    async with sqlite_store(tmp_path / "to") as store:
        yield store


async def fill(store: StateStore, count: int) -> None:
    for start in range(0, count, 50):
        await store.txn((), [Put(f"k/{n:03}", b"%d" % n) for n in range(start, min(start + 50, count))])


async def contents(store: StateStore) -> dict[str, bytes]:
    return {
        item.key: item.value
        for item in (await store.range("")).items
        if not item.key.startswith("requests/") and not item.lease
    }


async def test_all_is_copied_and_a_second_time_nothing(source: StateStore, target: StateStore) -> None:
    await fill(source, 120)
    lease = await source.lease(3600)
    await source.txn((), (Put("leader", b"me", lease.id),))
    await Writes(source).create("made/once", b"x")
    done = await migrate(source, target)
    assert (done.copied, done.same, done.left) == (121, 0, 2)
    assert await contents(source) == await contents(target)
    assert await target.get("leader") is None
    again = await migrate(source, target)
    assert (again.copied, again.same) == (0, 121)


async def test_a_copy_that_broke_off_goes_on(
    source: StateStore, target: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(source, 100)

    class Breaking(Forgetful):
        left = 4

        async def lease(self, ttl_s: int, **more: float) -> object:
            return await target.lease(ttl_s, **more)

        async def txn(self, *args: object, **_: float) -> object:  # type: ignore[override] # passed on
            self.left -= 1
            if self.left < 0:
                raise StoreAway("cut")
            return await super().txn(*args)  # type: ignore[arg-type] # as above

    monkeypatch.setattr(migrate_module, "_raise_revision", no_raise)
    with pytest.raises(StoreAway):
        await migrate(source, Breaking(target, ()))  # type: ignore[arg-type] # a store but for its types
    some = len(await contents(target))
    assert 0 < some < 100
    done = await migrate(source, target)
    assert (done.copied, done.same) == (100 - some, some)


async def no_raise(*_: object) -> None:
    return


async def test_lost_answers_change_nothing(
    source: StateStore, target: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derived, "_PAUSE_S", 0.0)
    monkeypatch.setattr(migrate_module, "_raise_revision", no_raise)
    await fill(source, 40)
    await migrate(source, Forgetful(target, [Fate.DONE, Fate.LOST, Fate.LATE, Fate.DONE]))
    assert await contents(source) == await contents(target)


async def test_what_differs_is_named_and_replaced_only_by_force(
    source: StateStore, target: StateStore
) -> None:
    await fill(source, 3)
    await target.txn((), [Put(f"foreign/{n}", b"") for n in range(4)])
    await target.txn((), (Put("k/001", b"other"),))
    with pytest.raises(Differs, match=r"already: foreign/0, foreign/1, foreign/2 and 2 more") as caught:
        await migrate(source, target)
    assert len(caught.value.keys) == 5
    assert await target.get("k/000") is None  # nothing was written
    await migrate(source, target, replace=True)
    assert await contents(source) == await contents(target)


async def test_what_another_writes_meanwhile_is_found(source: StateStore, target: StateStore) -> None:
    await fill(source, 3)

    class Written(Forgetful):
        asked = 0

        async def range(self, prefix: str, **more: float) -> Range:
            self.asked += 1
            if self.asked == 3:  # all is copied, and is to be read back
                await target.txn((), (Put("k/001", b"of another"), Delete("k/002")))
            return await target.range(prefix, **more)

    with pytest.raises(Differs, match="k/001, k/002"):
        await migrate(source, Written(target, ()))


async def test_one_who_writes_a_key_before_us_is_not_overwritten(
    source: StateStore, target: StateStore
) -> None:
    await fill(source, 3)

    class Written(Forgetful):
        async def range(self, prefix: str, **more: float) -> Range:
            listed = await target.range(prefix, **more)
            await target.txn((), (Put("k/001", b"of another"),))
            return listed

    with pytest.raises(Differs, match="k/000, k/001, k/002"):
        await migrate(source, Written(target, ()))
    assert await contents(target) == {"k/001": b"of another"}


async def test_fences_do_not_fall(source: StateStore, target: StateStore) -> None:
    last = max([(await source.txn((), (Put("a", b""),))).revision for _ in range(100)])
    assert (await migrate(source, target)).revision > last
    assert await contents(target) == {"a": b""}


async def test_a_store_that_counts_far_higher_is_not_copied(source: SqliteStore, target: StateStore) -> None:
    from viscript.statestore import tables

    await source._write(lambda db, _: tables.count_from(db, 10_000_000), 5.0)
    with pytest.raises(FencesFall, match="one store counts 10000000 changes, the other 1"):
        await migrate(source, target)


async def test_a_store_of_this_host_is_copied_into_a_real_etcd_and_back(
    source: StateStore, target: StateStore, etcd: Etcd
) -> None:
    await fill(source, 60)
    async with etcd_store(etcd.url(f"/t/{secrets.token_hex(8)}")) as engine:
        assert (await migrate(source, engine)).copied == 60
        assert (await migrate(engine, target)).copied == 60
    assert await contents(source) == await contents(target)
    assert isinstance(await migrate(source, target), Copied)
