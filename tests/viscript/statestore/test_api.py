"""The contract, tried on every engine alike."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.support.etcd import Etcd
from tests.support.store_streams import far_host
from tests.support.stores import PATIENCE_S, batches_of, etcd_store, short, sqlite_store
from viscript.statestore.api import (
    OPERATIONS_MAX,
    VALUE_MAX,
    Compare,
    Delete,
    Get,
    Item,
    Put,
    StateStore,
    absent,
    present,
    unchanged,
    unheld,
)
from viscript.statestore.errors import InvalidRequest, LeaseGone, TooLarge


@pytest.fixture(params=["sqlite", "etcd", "etcd35", "far", "far in pieces"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StateStore]:
    if request.param == "sqlite":
        async with sqlite_store(tmp_path) as opened:
            yield opened
    elif not request.param.startswith("etcd"):
        piece = 7 if request.param == "far in pieces" else 1 << 16
        async with sqlite_store(tmp_path) as served, far_host(served, piece=piece) as (opened, _):
            yield opened
    else:
        etcd: Etcd = request.getfixturevalue(request.param)
        async with etcd_store(etcd.url(f"/test/{secrets.token_hex(8)}")) as opened:
            yield opened


async def write(store: StateStore, key: str, value: bytes, lease: int = 0) -> int:
    return (await store.txn((), (Put(key, value, lease),))).revision


async def read(store: StateStore, key: str) -> Item:
    item = await store.get(key)
    assert item is not None
    return item


async def test_what_was_written_is_read_with_its_revisions(store: StateStore) -> None:
    assert await store.get("a") is None
    first = await write(store, "a", b"1")
    second = await write(store, "a", b"2")
    assert second > first
    assert await store.get("a") == Item("a", b"2", first, second, 0)


async def test_every_change_raises_the_revision_of_the_whole_store_by_one(store: StateStore) -> None:
    first = await write(store, "a", b"")
    assert await write(store, "b", b"") == first + 1
    assert (await store.range("")).revision == first + 1


async def test_what_changes_nothing_leaves_the_revision(store: StateStore) -> None:
    first = await write(store, "a", b"")
    done = await store.txn((), (Delete("missing"), Get("a")))
    assert (done.ok, done.revision, done.results[0]) == (True, first, 0)


async def test_a_range_holds_all_of_its_prefix_in_the_order_of_bytes(store: StateStore) -> None:
    keys = ["host/a", "host/b", "host/é", "host/\U0001f600", "host/\U0010ffff", "hosu", "hos", "host/￿"]
    for key in keys:
        await write(store, key, key.encode())
    listed = await store.range("host/")
    assert [item.key for item in listed.items] == sorted(
        (key for key in keys if key.startswith("host/")), key=str.encode
    )
    assert listed.items[0].value == b"host/a"
    assert len((await store.range("")).items) == len(keys)
    assert (await store.range("nothing")).items == ()


async def test_a_transaction_is_done_whole_or_not_at_all(store: StateStore) -> None:
    await write(store, "a", b"1")
    done = await store.txn(
        (Compare("a", "value", "=", b"1"), absent("b")),
        (Put("a", b"2"), Put("b", b"2"), Get("b")),
        (Get("a"),),
    )
    assert done.ok
    assert done.results[:2] == (None, None)
    assert done.results[2] == Item("b", b"2", done.revision, done.revision)
    again = await store.txn((absent("b"),), (Put("c", b""),), (Get("b"), Delete("a")))
    assert not again.ok
    assert again.results == (Item("b", b"2", done.revision, done.revision), 1)
    assert await store.get("c") is None
    assert await store.get("a") is None


async def test_one_of_many_that_create_the_same_key_wins(store: StateStore) -> None:
    tried = await asyncio.gather(
        *(store.txn((absent("k"),), (Put("k", b"%d" % n),), (Get("k"),)) for n in range(20))
    )
    (winner,) = [n for n, one in enumerate(tried) if one.ok]
    assert short(await store.get("k")) == ("k", b"%d" % winner)
    assert all(isinstance(one.results[0], Item) for one in tried if not one.ok)


async def test_counting_by_comparison_loses_no_step(store: StateStore) -> None:
    await write(store, "n", b"0")

    async def count(times: int) -> None:
        while times:
            old = await read(store, "n")
            step = (Put("n", b"%d" % (int(old.value) + 1)),)
            times -= (await store.txn((unchanged("n", old),), step)).ok

    await asyncio.gather(count(10), count(10), count(10))
    assert (await read(store, "n")).value == b"30"


@pytest.mark.parametrize(
    "compare, holds",
    [
        (Compare("a", "value", "=", b"m"), True),
        (Compare("a", "value", "!=", b"m"), False),
        (Compare("a", "value", "<", b"n"), True),
        (Compare("a", "value", ">", b"l"), True),
        (Compare("a", "value", ">", b"m"), False),
        (Compare("a", "created", ">", 0), True),
        (Compare("a", "created", "<", 1), False),
        (Compare("a", "lease", "=", 0), True),
        (Compare("a", "revision", "!=", 0), True),
        (Compare("gone", "value", "=", b""), False),
        (Compare("gone", "value", "!=", b"x"), False),
        (Compare("gone", "value", "<", b"x"), False),
        (Compare("gone", "created", "=", 0), True),
        (Compare("gone", "revision", "<", 1), True),
        (Compare("gone", "lease", "=", 0), True),
        (present("a"), True),
        (absent("a"), False),
        (unchanged("gone", None), True),
        (unchanged("a", None), False),
    ],
)
async def test_each_comparison_holds_as_it_says(store: StateStore, compare: Compare, holds: bool) -> None:
    await write(store, "a", b"m")
    assert (await store.txn((compare,), ())).ok is holds


async def test_a_key_made_anew_is_another_one(store: StateStore) -> None:
    await write(store, "a", b"1")
    old = await read(store, "a")
    await write(store, "a", b"2")
    assert (await store.txn((unheld("a", old),), ())).ok
    await store.txn((), (Delete("a"),))
    await write(store, "a", b"1")
    assert not (await store.txn((unheld("a", old),), ())).ok
    assert (await read(store, "a")).created > old.created


async def test_an_ended_lease_takes_along_what_was_written_under_it(store: StateStore) -> None:
    lease = await store.lease(3600)
    other = await store.lease(3600)
    await write(store, "a", b"", lease.id)
    await write(store, "b", b"", lease.id)
    await write(store, "c", b"", other.id)
    await write(store, "b", b"free of it")  # written again without one
    assert (await read(store, "a")).lease == lease.id
    assert (await store.txn((Compare("a", "lease", "=", lease.id),), ())).ok
    await store.revoke(lease.id)
    assert [item.key for item in (await store.range("")).items] == ["b", "c"]
    await store.revoke(lease.id)
    with pytest.raises(LeaseGone):
        await store.keepalive(lease.id)


async def test_a_lease_that_is_not_kept_alive_ends_and_one_that_is_does_not(store: StateStore) -> None:
    ttl = store.capabilities().min_ttl_s
    kept, left = await store.lease(ttl), await store.lease(ttl)
    await write(store, "kept", b"", kept.id)
    done = await store.txn((), (Put("left", b"", left.id),))

    async def keep() -> None:
        while True:
            assert await store.keepalive(kept.id) == kept.ttl_s
            await asyncio.sleep(ttl / 4)

    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keep())
        (batch,) = await batches_of(store, "left", done.revision + 1, 1)
        keeping.cancel()
    assert batch.events[0].deleted
    assert await store.get("left") is None
    assert await store.get("kept") is not None
    with pytest.raises(LeaseGone):
        await store.keepalive(left.id)


async def test_nothing_is_written_under_a_lease_that_has_ended(store: StateStore) -> None:
    lease = await store.lease(3600)
    await store.revoke(lease.id)
    with pytest.raises(LeaseGone):
        await store.txn((), (Put("free", b""), Put("a", b"", lease.id)))
    assert (await store.range("")).items == ()


async def test_a_watch_tells_every_change_in_order(store: StateStore) -> None:
    start = await write(store, "x/1", b"a")
    await write(store, "y/1", b"of another prefix")
    await store.txn((), (Put("x/1", b"b"), Put("x/2", b"c"), Put("y/2", b"")))
    await store.txn((), (Delete("x/1"),))
    found = await batches_of(store, "x/", start, 3)
    assert [batch.revision for batch in found] == [start, start + 2, start + 3]
    assert [
        [(event.item.key, event.item.value, event.deleted) for event in batch.events] for batch in found
    ] == [
        [("x/1", b"a", False)],
        [("x/1", b"b", False), ("x/2", b"c", False)],
        [("x/1", b"", True)],
    ]
    assert found[1].events[0].item == Item("x/1", b"b", start, start + 2)
    assert found[2].events[0].item == Item("x/1", b"", 0, start + 3)


async def test_a_watch_waits_for_what_is_not_yet(store: StateStore) -> None:
    at = (await store.range("")).revision
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(batches_of(store, "k", at + 2, 1))
        await asyncio.sleep(0)
        await write(store, "k", b"too early")
        await write(store, "k", b"there")
    (batch,) = waiting.result()
    assert [event.item.value for event in batch.events] == [b"there"]


async def test_a_list_and_a_watch_from_there_have_no_hole(store: StateStore) -> None:
    async def busy() -> None:
        for n in range(60):
            await write(store, f"k/{n:02}", b"")

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(busy())
        await asyncio.sleep(0.01)
        listed = await store.range("k/")
        seen = [item.key for item in listed.items]
        async with aclosing(store.watch("k/", listed.revision + 1)) as watch:
            while len(seen) < 60:
                seen += [event.item.key for event in (await anext(watch)).events]
    assert seen == [f"k/{n:02}" for n in range(60)]


async def test_a_range_of_many_and_large_items_is_whole(store: StateStore) -> None:
    value = bytes(range(256)) * 200
    for start in range(0, 1500, 100):
        await store.txn((), tuple(Put(f"many/{n:04}", b"%d" % n) for n in range(start, start + 100)))
    for n in range(40):
        await write(store, f"large/{n:02}", value)
    assert [item.key for item in (await store.range("many/")).items] == [f"many/{n:04}" for n in range(1500)]
    large = (await store.range("large/")).items
    assert len(large) == 40
    assert all(item.value == value for item in large)


async def test_the_largest_value_fits_and_a_larger_one_is_refused(store: StateStore) -> None:
    await write(store, "a", b"x" * VALUE_MAX)
    assert (await read(store, "a")).value == b"x" * VALUE_MAX
    with pytest.raises(TooLarge, match=r"the value of a has 65536 bytes, at most 65535 fit"):
        await write(store, "a", b"x" * (VALUE_MAX + 1))


async def test_what_no_engine_could_do_is_refused_before_it_is_sent(store: StateStore) -> None:
    with pytest.raises(InvalidRequest):
        await store.get("")
    with pytest.raises(InvalidRequest):
        await store.range("nul\0")
    with pytest.raises(InvalidRequest):
        await store.lease(0)
    with pytest.raises(InvalidRequest, match="written twice"):
        await store.txn((), (Put("a", b""), Delete("a")))
    with pytest.raises(InvalidRequest, match="at most 128 operations"):
        await store.txn((), tuple(Get("a") for _ in range(OPERATIONS_MAX + 1)))


async def test_as_many_operations_as_are_allowed_are_done(store: StateStore) -> None:
    done = await store.txn(
        tuple(absent(f"k/{n}") for n in range(OPERATIONS_MAX)),
        tuple(Put(f"k/{n}", b"") for n in range(OPERATIONS_MAX)),
    )
    assert done.ok
    assert len((await store.range("k/")).items) == OPERATIONS_MAX


async def test_a_store_says_how_it_stands(store: StateStore) -> None:
    standing = await store.look()
    assert standing.ok, standing
    assert standing.members
    assert all(member.ok for member in standing.members)
    assert store.capabilities().linearizable
