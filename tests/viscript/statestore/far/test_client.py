"""The store of another host while the link breaks, comes back, or tells nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.support.store_streams import End, far_host
from tests.support.stores import PATIENCE_S, batches_of, sqlite_store
from viscript.statestore import derived
from viscript.statestore.api import Get, Put
from viscript.statestore.derived import Writes
from viscript.statestore.errors import Compacted, StoreAway, Unclear
from viscript.statestore.far import client as client_module
from viscript.statestore.far import server as server_module
from viscript.statestore.far import wire
from viscript.statestore.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "_PAUSE_S", 0.01)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


async def cut_at_once(end: End) -> None:
    end.cut()


async def cut_behind_the_question(end: End) -> None:
    await end.read()
    end.cut()


async def end_behind_the_question(end: End) -> None:
    await end.read()


async def say_nothing(end: End) -> None:
    while await end.read():
        continue


def saying(raw: bytes) -> Callable[[End], Awaitable[None]]:
    async def serve(end: End) -> None:
        await end.read()
        await end.write(raw)

    return serve


BROKEN = [
    cut_at_once,
    cut_behind_the_question,
    end_behind_the_question,
    saying(b"\xff\xff\xff\xff"),
    saying(b"\0\0\0\1x"),
    saying(wire.encode(wire.Leased(0, 0))),
]


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_read_is_asked_again_and_a_write_is_unclear(
    store: SqliteStore, broken: Callable[[End], Awaitable[None]]
) -> None:
    async with far_host(store) as (far, host):
        well = host.serve

        def break_the_next() -> None:
            async def serve(end: End) -> None:
                host.serve = well
                await broken(end)

            host.serve = serve

        for ask in (far.get("a"), far.range(""), far.txn((), (Get("a"),))):
            break_the_next()
            await ask
        break_the_next()
        with pytest.raises(Unclear, match="it may have been done"):
            await far.txn((), (Put("a", b""),))
        break_the_next()
        assert await Writes(far).create("b", b"")


async def test_a_write_that_was_never_sent_is_sent_when_the_link_is_back(store: SqliteStore) -> None:
    async with far_host(store) as (far, host), asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        host.unreachable = True
        writing = tasks.create_task(far.txn((), (Put("a", b""),), timeout=PATIENCE_S))
        await asyncio.sleep(0.05)
        host.unreachable = False
        assert (await writing).ok


async def test_a_host_that_is_down_is_away(store: SqliteStore) -> None:
    async with far_host(store) as (far, host):
        host.unreachable = True
        with pytest.raises(StoreAway, match="the store of b is away: b: it is down") as caught:
            await far.txn((), (Put("a", b""),), timeout=0.1)
        assert caught.value.tried == ("b: it is down",)
        for ask in (far.get("a", timeout=0.1), far.range("", timeout=0.1), far.lease(5, timeout=0.1)):
            with pytest.raises(StoreAway):
                await ask
        assert not (await far.look(timeout=0.1)).ok
        with pytest.raises(StoreAway):
            async with aclosing(far.watch("", 1, timeout=0.1)) as watch:
                await anext(watch)


async def test_a_host_that_says_nothing_is_waited_for_so_long_only(store: SqliteStore) -> None:
    async with far_host(store) as (far, host):
        host.serve = say_nothing
        with pytest.raises(StoreAway, match="no answer within"):
            await far.get("a", timeout=0.1)
        with pytest.raises(Unclear):
            await far.txn((), (Put("a", b""),), timeout=0.1)


async def test_a_link_that_is_not_made_in_time_is_no_link() -> None:
    async def never(seconds: float) -> End:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(StoreAway, match="no link within"):
        await client_module.FarStore("x", never).get("a", timeout=0.05)


async def test_a_watch_goes_on_over_another_stream(store: SqliteStore) -> None:
    start = (await store.txn((), (Put("a", b"1"),))).revision
    async with far_host(store) as (far, host), asyncio.timeout(PATIENCE_S):
        async with aclosing(far.watch("", start)) as watch:
            assert (await anext(watch)).revision == start
            host.streams[-1].cut()
            await store.txn((), (Put("a", b"2"),))
            assert (await anext(watch)).revision == start + 1
        assert host.opened == 2


async def test_a_watch_without_a_sign_of_life_is_left(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "SILENT_S", 0.2)
    start = (await store.txn((), (Put("a", b"1"),))).revision
    async with far_host(store) as (far, host), asyncio.timeout(PATIENCE_S):
        well = host.serve

        async def alive_once(end: End) -> None:
            await end.read()
            await end.write(wire.encode(wire.Told(None)))
            host.serve = well
            await say_nothing(end)

        host.serve = alive_once
        (batch,) = await batches_of(far, "", start, 1)
        assert batch.revision == start


async def test_a_watch_that_lives_is_kept(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "SILENT_S", 1.0)
    monkeypatch.setattr(server_module, "ALIVE_S", 0.05)
    start = (await store.range("")).revision + 1
    async with far_host(store) as (far, host), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(batches_of(far, "", start, 1))
        await asyncio.sleep(1.5)
        await store.txn((), (Put("a", b""),))
        assert len(await watching) == 1
        assert host.opened == 1


async def test_history_that_is_gone_is_told_over_the_link(store: SqliteStore) -> None:
    from viscript.statestore import tables

    for _ in range(3):
        await store.txn((), (Put("a", b""),))
    await store._writer.run(lambda db: tables.compact(db, revisions=1))
    async with far_host(store) as (far, _):
        with pytest.raises(Compacted) as caught:
            await batches_of(far, "", 2, 1)
        assert caught.value.revision == 3


async def test_many_calls_at_once_use_a_bounded_number_of_streams(store: SqliteStore) -> None:
    async with far_host(store) as (far, host):
        most = 0
        well = host.serve

        async def counted(end: End) -> None:
            nonlocal most
            most = max(most, sum(not one._closed for one in host.streams))
            await well(end)

        host.serve = counted
        await asyncio.gather(*(far.get("a") for _ in range(100)))
        assert 1 < most <= client_module.AT_ONCE
        assert all(one._closed for one in host.streams)
        await far.close()


async def test_a_call_takes_no_longer_than_it_may_whatever_else_is_under_way(store: SqliteStore) -> None:
    async with far_host(store) as (far, host), asyncio.TaskGroup() as tasks:
        host.serve = say_nothing
        slow = [tasks.create_task(_missed(far.get("a", timeout=20))) for _ in range(client_module.AT_ONCE)]
        while host.opened < client_module.AT_ONCE:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            with pytest.raises(StoreAway, match="calls are under way"):
                await far.keepalive(1, timeout=0.2)
        for one in slow:
            one.cancel()


async def test_a_stream_that_was_not_answered_is_dropped_and_not_waited_for(store: SqliteStore) -> None:
    async with far_host(store) as (far, host):
        host.serve = say_nothing
        with pytest.raises(StoreAway):
            await far.get("a", timeout=0.1)
        assert host.streams[-1].code == "left"
        host.serve = host._serve
        await far.get("a")
        assert host.streams[-1].code == ""


async def _missed(asked: Awaitable[object]) -> None:
    with pytest.raises(StoreAway):
        await asked
