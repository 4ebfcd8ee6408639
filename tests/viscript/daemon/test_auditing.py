"""The audit among hosts in a daemon: when it begins, and what it does then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.audits import said
from tests.support.rosters import card_of, host
from tests.support.store_streams import stream_pair
from tests.support.stores import PATIENCE_S, sqlite_store
from viscript.cluster.audit import copying, telling
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.copies import KEPT_COPIES, prefix_of
from viscript.cluster.book import Book
from viscript.cluster.links.api import Caller
from viscript.daemon import auditing
from viscript.daemon.auditing import Auditing, keeping
from viscript.daemon.tasks import Tasks
from viscript.events import EventLog
from viscript.statestore.sqlite import SqliteStore
from viscript.store.memory import Memory
from viscript.verbs.table import Role

ME = host(1)


def things(**fields: Any) -> Any:  # Any: as much of an object as a test needs
    """An object with these fields."""
    return SimpleNamespace(**fields)


class Home:
    """A daemon's parts around the audit."""

    def __init__(self, memory: Memory, store: SqliteStore, tasks: Tasks, folder: Path) -> None:
        self.memory = memory
        self.store = store
        self.book = Book(memory, ME, folder / "cluster.key")
        self.audit = Audit(memory, ME)
        self.world = things(
            audit=self.audit,
            witnesses=None,
            desired=None,
            links=None,
            store=store,
            events=EventLog("here"),
        )
        self.auditing = Auditing(self.world, self.book, memory, tasks.run)

    def begun(self) -> bool:
        return self.world.witnesses is not None

    async def copied(self) -> int:
        return len((await self.store.range(prefix_of(ME.public_key))).items)


@pytest.fixture(params=[True])
async def home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Home]:
    for name in ("GATHER_S", "EVERY_S"):
        monkeypatch.setattr(copying, name, 0.02)
    monkeypatch.setattr(telling, "EVERY_S", 0.02)
    monkeypatch.setattr(auditing, "ANEW_S", 0.02)
    memory = Memory(tmp_path / "state.db")
    memory.open()
    async with sqlite_store(tmp_path) as store, asyncio.timeout(60), Tasks() as tasks:
        store._shared = request.param
        made = Home(memory, store, tasks, tmp_path)
        yield made
        made.auditing.close()
    memory.close()


async def until(probe: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await probe():
            await asyncio.sleep(0.01)


async def cursor(home: Home) -> bytes | None:
    return await home.memory.value(copying.CURSOR)


async def test_it_begins_when_the_host_joins_and_copies_what_comes(home: Home) -> None:
    home.auditing.begin()
    assert not home.begun()
    await home.book.found(card_of(ME), "h1")
    assert home.begun()
    await until(lambda: cursor(home))
    await home.audit.asked(said(1))
    await until(home.copied)
    assert (await home.world.witnesses.heard()).copied == 1
    begun = home.world.witnesses
    await home.book.take()
    assert home.world.witnesses is begun


@pytest.mark.parametrize("home", [False], indirect=True)
async def test_without_a_shared_store_nothing_is_copied_and_heads_are_told(home: Home) -> None:
    await home.book.found(card_of(ME), "h1")
    home.auditing.begin()
    await home.audit.asked(said(1))
    found = await home.world.witnesses.heard()
    assert (found.copied, found.heard) == (None, 0)
    assert await cursor(home) is None


async def test_a_host_that_leaves_copies_nothing_more(home: Home) -> None:
    await home.book.found(card_of(ME), "h1")
    home.auditing.begin()
    await until(lambda: cursor(home))
    await home.book.leave()
    before = await cursor(home)
    await home.audit.asked(said(1))

    async def passed_over() -> bool:
        return await cursor(home) != before

    await until(passed_over)
    assert await home.copied() == 0


async def test_a_part_that_fails_begins_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    fails, txn = iter([ZeroDivisionError(), ZeroDivisionError()]), home.store.txn

    async def odd(*args: Any, **more: Any) -> Any:  # Any: as the store's own
        if (fault := next(fails, None)) is not None:
            raise fault
        return await txn(*args, **more)

    await home.book.found(card_of(ME), "h1")
    home.auditing.begin()
    await until(lambda: cursor(home))
    monkeypatch.setattr(home.store, "txn", odd)
    await home.audit.asked(said(1))
    await until(home.copied)


def test_what_does_not_fit_is_an_event() -> None:
    world = things(events=EventLog("here"))
    made = Auditing(world, things(), things(), lambda work: None)
    made._broken("beta", "entry 3: it is another one")
    (event,) = world.events.last(1)
    assert (event.type, event.reason, event.data["host"]) == (
        "audit.broken",
        "entry 3: it is another one",
        "beta",
    )


async def test_the_leader_knows_its_term_and_all_hosts_there_ever_were(home: Home) -> None:
    assert list(home.auditing._hosts()) == []
    assert home.auditing._fence() == 0
    await home.book.found(card_of(ME), "h1")
    home.world.desired = (SimpleNamespace(leader=SimpleNamespace(fence=7)), None)
    assert (home.auditing._fence(), list(home.auditing._hosts())) == (7, [ME.public_key])
    assert KEPT_COPIES > 0


async def test_heads_of_others_are_kept(home: Home) -> None:
    here, there = stream_pair()
    here.end()
    caller = Caller(key=host(2).public_key, label="b", role=Role.VIEW)
    await keeping(home.memory)(there, caller)
    assert await here.read() == b"\0"
