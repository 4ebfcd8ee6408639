"""Serving a store: odd questions, slow askers, roles, signs of life."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.store_streams import KEY, End, far_host, stream_pair
from tests.support.stores import PATIENCE_S, sqlite_store
from viscript.cluster.links.api import HostAway, StreamRefused
from viscript.statestore import shared
from viscript.statestore.api import Compare, Delete, Get, Item, Put, Range, absent
from viscript.statestore.election import elect
from viscript.statestore.errors import LeaseGone, Refused
from viscript.statestore.far import allowance, wire
from viscript.statestore.far import server as server_module
from viscript.statestore.far.server import LONGEST_S, FarServer, parts_of, patience
from viscript.statestore.sqlite import SqliteStore
from viscript.verbs.table import Role

OTHER = b"o" * 32


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


async def answers_to(store: SqliteStore, raw: bytes, *, role: Role = Role.OPERATE) -> list[wire.Answer]:
    here, there = stream_pair()
    await here.write(raw)
    here.end()
    async with asyncio.timeout(PATIENCE_S):
        await FarServer(store).serve(there, key=bytes(KEY), role=role)
    await there.close()
    messages, found = wire.Messages(), []
    while data := await here.read():
        found += messages.feed(data)
    return [wire.decode_answer(raw) for raw in found]


@pytest.mark.parametrize(
    "raw, why",
    [
        (b"", "ended before its question"),
        (b"\0\0", "ended before its question"),
        (b"\xff\xff\xff\xff", "a message of 4294967295 bytes"),
        (b"\0\0\0\1x", "no message of a store"),
        (wire.encode(wire.Found(None)), "no message of a store"),
    ],
)
async def test_what_is_no_question_is_refused(store: SqliteStore, raw: bytes, why: str) -> None:
    (answer,) = await answers_to(store, raw)
    assert isinstance(answer, wire.Refusal)
    assert answer.kind == "invalid"
    assert why in answer.text


async def test_a_question_that_does_not_come_is_given_up(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "QUESTION_S", 0.05)
    here, there = stream_pair()
    await FarServer(store).serve(there, key=bytes(KEY), role=Role.VIEW)
    (raw,) = wire.Messages().feed(await here.read())
    assert wire.decode_answer(raw) == wire.Refusal("invalid", "no question within 0.05 s")


async def test_what_no_store_does_is_refused_there_too(store: SqliteStore) -> None:
    (answer,) = await answers_to(store, wire.encode(wire.AskTxn(1.0, (), (Put("", b""),), ())))
    assert isinstance(answer, wire.Refusal)
    assert answer.kind == "invalid"


async def test_a_role_that_may_not_write_reads(store: SqliteStore) -> None:
    await store.txn((), (Put("desired/a", b"1"),))
    async with far_host(store, role=Role.VIEW) as (far, _):
        assert await far.get("desired/a") is not None
        with pytest.raises(Refused):
            await far.txn((), (Put("desired/a", b"2"),))
        lease = await far.lease(30)
        await far.txn((), (Put("run/a/1", b"", lease.id),))
        others = await store.lease(30)
        with pytest.raises(Refused):
            await far.revoke(others.id)
        await far.revoke(lease.id)
        assert await store.get("run/a/1") is None


async def test_a_host_has_so_many_leases_at_a_time(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LEASES_MOST", 2)
    async with far_host(store, role=Role.VIEW) as (far, _):
        leases = [await far.lease(30) for _ in range(2)]
        with pytest.raises(Refused, match="has 2 leases already"):
            await far.lease(30)
        await far.revoke(leases[0].id)
        await far.lease(30)
        await store.lease(30)


async def test_what_a_host_holds_no_other_takes_or_gives_back(store: SqliteStore) -> None:
    async with far_host(store) as (one, _), far_host(store, key=OTHER) as (two, _):
        mine, other = await one.lease(30), await two.lease(30)
        held = await one.txn((absent("run/a/1"),), (Put("run/a/1", b"one", mine.id),))
        for operation in (Put("run/a/1", b"two", other.id), Delete("run/a/1")):
            with pytest.raises(Refused, match="run/a/1 is held by another host"):
                await two.txn((), (operation,))
        missed = await two.txn((absent("run/a/1"),), (Put("run/a/1", b"two", other.id),), (Get("run/a/1"),))
        assert not missed.ok, "to ask for it is no fault"
        with pytest.raises(Refused, match="may not end the lease"):
            await two.revoke(mine.id)
        await one.txn((Compare("run/a/1", "created", "=", held.revision),), (Delete("run/a/1"),))
        assert (await two.txn((absent("run/a/1"),), (Put("run/a/1", b"two", other.id),))).ok


async def test_what_is_refused_in_a_transaction_leaves_nothing(store: SqliteStore) -> None:
    async with far_host(store) as (one, _), far_host(store, key=OTHER) as (two, _):
        lease = await one.lease(30)
        before = await one.txn((), (Put("run/a/1", b"", lease.id),))
        with pytest.raises(Refused):
            await two.txn((), (Put("desired/b", b""), Delete("run/a/1")))
        assert (await store.range("")).revision == before.revision


async def test_only_the_elected_host_plans(store: SqliteStore) -> None:
    async with far_host(store) as (one, _), far_host(store, key=OTHER) as (two, _):
        lease = await one.lease(5)
        elected = await elect(one, "leader", b"one", lease.id)
        still = Compare("leader", "created", "=", elected.fence)
        await one.txn((still,), (Put("assign/a/1", b""),))
        for compare in ((), (still,)):
            with pytest.raises(Refused, match="by the host that leads"):
                await two.txn(compare, (Delete("assign/a/1"),))


async def test_a_server_that_was_started_anew_knows_whose_each_lease_is(tmp_path: Path) -> None:
    path, now = tmp_path / "store.db", [0.0]
    leases: list[int] = []
    for boot in ("one", "one", "two"):
        store = SqliteStore(path, clock=lambda: now[0], boot=lambda: boot, shared=True)  # noqa: B023 (used at once)
        await store.open()
        async with far_host(store, role=Role.VIEW) as (one, _), far_host(store, key=OTHER) as (two, _):
            if not leases:
                leases.append((await one.lease(10)).id)
                await one.txn((), (Put("run/a/1", b"", leases[0]),))
            now[0] += 9.0
            with pytest.raises(Refused):
                await two.txn((), (Delete("run/a/1"),))
            with pytest.raises(Refused):
                await two.keepalive(leases[0])
            assert await one.get("run/a/1") is not None
        now[0] += 60.0  # nobody could keep it meanwhile
        if boot == "two":
            with pytest.raises(LeaseGone):
                await store.keepalive(leases[0])
            assert await store.owner(leases[0]) is None
        await store.close()


def test_a_range_comes_in_parts_of_a_bounded_size() -> None:
    items = tuple(Item(f"k{n:03}", b"x" * 10_000, 1, 1) for n in range(100))
    parts = list(parts_of(Range(9, items)))
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert sum((part.items for part in parts), ()) == items
    assert all(len(wire.encode(part)) < 400_000 for part in parts)
    assert list(parts_of(Range(9))) == [wire.Part(9, (), True)]


@pytest.mark.parametrize(
    "asked, given",
    [(2.0, 2.0), (math.inf, LONGEST_S), (math.nan, 0.01), (-5.0, 0.01), (0.0, 0.01), (1e9, LONGEST_S)],
)
def test_nobody_lets_us_try_for_ever(asked: float, given: float) -> None:
    assert patience(asked) == given


async def test_a_watch_that_nobody_reads_ends_with_its_stream(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "ALIVE_S", 0.02)
    for leave in (End.close, End.cut):
        here, there = stream_pair()
        await here.write(wire.encode(wire.AskWatch(1.0, "", 2)))
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(refused(store, there))
            await here.read()
            gone = leave(here)
            if gone is not None:
                await gone
        assert serving.result()


async def refused(store: SqliteStore, end: End) -> bool:
    with pytest.raises((HostAway, StreamRefused)):
        await FarServer(store).serve(end, key=bytes(KEY), role=Role.VIEW)
    return True


async def test_a_host_that_only_views_keeps_no_other_alive(store: SqliteStore) -> None:
    async with far_host(store, role=Role.VIEW) as (far, _), far_host(store, key=OTHER) as (two, _):
        other, ours = await two.lease(30), await store.lease(30)
        mine = await far.lease(30)
        assert await far.keepalive(mine.id) == 30
        for lease in (other, ours):
            with pytest.raises(Refused, match="may not keep the lease"):
                await far.keepalive(lease.id)
            with pytest.raises(Refused, match="may not use the lease"):
                await far.txn((), (Put("lock/a", b"", lease.id),))
        with pytest.raises(Refused, match="leases of 60 s at most"):
            await far.lease(3600)


async def test_a_host_that_only_views_fills_no_disk(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "BYTES_AT_ONCE", 3000.0)
    mine = f"audit/{bytes(KEY).hex()}"
    async with far_host(store, role=Role.VIEW) as (far, _):
        await far.txn((), (Put(f"{mine}/1", bytes(2000)),))
        with pytest.raises(Refused, match="KiB a second on average"):
            await far.txn((), (Put(f"{mine}/2", bytes(2000)),))
    async with far_host(store, role=Role.OPERATE) as (far, _):
        for number in range(3, 6):
            await far.txn((), (Put(f"{mine}/{number}", bytes(2000)),))
    assert len((await store.range(mine)).items) == 4
