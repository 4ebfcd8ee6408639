"""Old copies of audits go, by the hand of the host that leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.audits import HOST
from tests.support.stores import sqlite_store
from viscript.cluster.audit import copies, trimming
from viscript.cluster.audit.copies import prefix_of
from viscript.cluster.audit.trimming import BATCH, Trimming
from viscript.cluster.audit.ulid import ulid
from viscript.statestore.api import Put
from viscript.statestore.election import elect
from viscript.statestore.errors import StoreAway
from viscript.statestore.sqlite import SqliteStore

KEY = HOST.public_key
COUNT = BATCH + 9
NOW = 1_700_000_000.0


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    monkeypatch.setattr(copies, "KEPT_COPIES", 5)
    monkeypatch.setattr(trimming, "PAUSE_S", 0.0)
    async with sqlite_store(tmp_path) as opened:
        for number in range(COUNT):
            await opened.txn((), (Put(f"{prefix_of(KEY)}{ulid(NOW - COUNT + number, bytes(10))}", b""),))
        yield opened


async def left(store: SqliteStore) -> list[str]:
    return [item.key for item in (await store.range("audit/")).items]


async def test_the_oldest_go_and_the_newest_stay(store: SqliteStore) -> None:
    newest = (await left(store))[-5:]
    lease = await store.lease(60)
    fence = (await elect(store, "leader", b"", lease.id)).fence
    trimmed = Trimming(store, lambda: fence, lambda: [KEY], clock=lambda: NOW)
    await trimmed.trim(KEY)
    assert await left(store) == newest
    await trimmed.trim(KEY)
    assert await left(store) == newest


async def test_one_who_leads_no_more_drops_nothing(store: SqliteStore) -> None:
    await Trimming(store, lambda: 3, lambda: [KEY], clock=lambda: NOW).trim(KEY)
    assert len(await left(store)) == COUNT


async def test_only_who_leads_looks(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "ROUND_S", 0.01)
    fences, rounds = iter([0, 0, 1]), list[bytes]()
    trimmed = Trimming(store, lambda: next(fences, 0), lambda: [KEY], clock=lambda: NOW)
    looked = asyncio.Event()

    async def trim(host: bytes) -> None:
        rounds.append(host)
        looked.set()
        raise StoreAway("cut")

    monkeypatch.setattr(trimmed, "trim", trim)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(trimmed.run())
        await looked.wait()
        await asyncio.sleep(0.05)
        running.cancel()
    assert rounds == [KEY], "a store that is away ends one round, not the rest"
