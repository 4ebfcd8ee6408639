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
from viscript.statestore.api import Item, Put, Range, StateStore
from viscript.statestore.errors import Refused
from viscript.statestore.far import server as server_module
from viscript.statestore.far import wire
from viscript.statestore.far.server import LONGEST_S, FarServer, parts_of, patience
from viscript.verbs.table import Role


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


async def answers_to(store: StateStore, raw: bytes, *, role: Role = Role.OPERATE) -> list[wire.Answer]:
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
async def test_what_is_no_question_is_refused(store: StateStore, raw: bytes, why: str) -> None:
    (answer,) = await answers_to(store, raw)
    assert isinstance(answer, wire.Refusal)
    assert answer.kind == "invalid"
    assert why in answer.text


async def test_a_question_that_does_not_come_is_given_up(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "QUESTION_S", 0.05)
    here, there = stream_pair()
    await FarServer(store).serve(there, key=bytes(KEY), role=Role.VIEW)
    (raw,) = wire.Messages().feed(await here.read())
    assert wire.decode_answer(raw) == wire.Refusal("invalid", "no question within 0.05 s")


async def test_what_no_store_does_is_refused_there_too(store: StateStore) -> None:
    (answer,) = await answers_to(store, wire.encode(wire.AskTxn(1.0, (), (Put("", b""),), ())))
    assert isinstance(answer, wire.Refusal)
    assert answer.kind == "invalid"


async def test_a_role_that_may_not_write_reads(store: StateStore) -> None:
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


async def test_only_so_many_leases_are_remembered(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "LEASES_KNOWN", 2)
    async with far_host(store, role=Role.VIEW) as (far, host):
        leases = [await far.lease(30) for _ in range(3)]
        assert list(host.server._granted) == [lease.id for lease in leases[1:]]


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
    store: StateStore, monkeypatch: pytest.MonkeyPatch
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


async def refused(store: StateStore, end: End) -> bool:
    with pytest.raises((HostAway, StreamRefused)):
        await FarServer(store).serve(end, key=bytes(KEY), role=Role.VIEW)
    return True


async def test_a_host_that_only_views_keeps_no_other_alive(store: StateStore) -> None:
    server = FarServer(store)
    other = await store.lease(30)
    server._remember(other.id, b"o" * 32)
    async with far_host(store, role=Role.VIEW) as (far, host):
        host.server = server
        mine = await far.lease(30)
        assert await far.keepalive(mine.id) == 30
        with pytest.raises(Refused, match="may not keep the lease"):
            await far.keepalive(other.id)
        with pytest.raises(Refused, match="may not use the lease"):
            await far.txn((), (Put("leader", b"", other.id),))
        with pytest.raises(Refused, match="leases of 60 s at most"):
            await far.lease(3600)
        forgotten = await store.lease(30)  # by a server that was started anew
        assert await far.keepalive(forgotten.id) == 30
