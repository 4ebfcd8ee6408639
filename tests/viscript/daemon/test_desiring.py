"""Desired state in a daemon: when it begins, and what it leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from signal_bus.identity import Identity
from signal_bus.messages import Fence
from tests.support.desired import Way, quick
from tests.support.rosters import card_of, host
from tests.support.stores import sqlite_store
from tests.support.supervision import Bench
from viscript.cluster.book import Book
from viscript.cluster.desired.keys import ALIVE, LEADER, RUN
from viscript.cluster.desired.record import Mode
from viscript.daemon.desiring import Desiring
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.statestore.api import Capabilities, Put
from viscript.statestore.sqlite import SqliteStore


class Shared(Way):
    """A store that hosts share."""

    several = True

    def capabilities(self) -> Capabilities:
        return Capabilities("test", True, self.several, False, 1)


class Home:
    """A daemon's parts around desired state."""

    def __init__(self, bench: Bench, folder: Path, identity: Identity, store: SqliteStore) -> None:
        self.bench = bench
        self.world: Any = SimpleNamespace(
            home=SimpleNamespace(keeper=str(folder / "keeper")),
            supervisor=bench.supervisor,
            events=bench.events,
            desired=None,
            links=None,
        )
        self.book = Book(bench.memory, identity, folder / "cluster.key")
        self.way = Shared(store)
        self.desiring: Desiring
        self.tasks = asyncio.TaskGroup()

    async def come_up(self) -> None:
        parts: Any = SimpleNamespace(supervisor=self.bench.supervisor, conductor=self.bench.conductor)
        self.desiring = Desiring(
            self.world,
            book=self.book,
            store=self.way,
            memory=self.bench.memory,
            parts=parts,
            keeper=self.bench.keeper,
            run=self.tasks.create_task,
        )
        await self.desiring.open()

    async def found(self) -> None:
        await self.book.found(card_of(self.book.identity), "h1")

    async def until(self, good: Any) -> None:  # Any: a question
        async with asyncio.timeout(20):
            while not good():
                await asyncio.sleep(0.01)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with sqlite_store(tmp_path) as made:
        yield made


@pytest.fixture
async def home(
    bench: Bench, tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Home]:
    quick(monkeypatch)
    made = Home(bench, tmp_path, host(1), store)
    async with made.tasks:
        yield made
        await made.desiring.close()


async def test_it_begins_when_the_host_joins(home: Home) -> None:
    await home.come_up()
    assert home.world.desired is None
    await home.found()
    assert home.world.desired is not None


async def test_a_store_of_its_own_is_no_place_for_it(home: Home) -> None:
    home.way.several = False
    await home.found()
    await home.come_up()
    assert home.world.desired is None


async def test_an_order_runs_an_app_under_a_fence_and_is_known_to_the_next_daemon(home: Home) -> None:
    await home.found()
    await home.come_up()
    home.bench.app("web")
    side, ordering = home.world.desired
    await ordering.deploy("web", place="h1", exclusive=True)
    (order,) = await home.bench.asked("launch")
    assert order["spec"]["fence"]["file"] == side.lease.file
    await home.until(lambda: home.bench.held().state in (State.RUNNING, State.READY))
    await home.until(lambda: side.mirror.observed())
    await home.desiring.close()
    home.way.cut()
    await home.come_up()
    assert list(home.world.desired[0].mirror.deployments()) == ["web"]


async def test_who_leaves_with_nothing_running_gives_all_back(home: Home, store: SqliteStore) -> None:
    await home.found()
    await home.come_up()
    side, _ = home.world.desired
    await home.until(lambda: side.leader.fence and side.mirror.alive())
    await home.desiring.close()
    assert (await store.range(ALIVE)).items == ()
    assert (await store.range(LEADER)).items == ()


async def test_who_leaves_apps_running_leaves_their_lease(home: Home, store: SqliteStore) -> None:
    await home.found()
    await home.come_up()
    home.bench.app("web")
    await home.world.desired[1].deploy("web", exclusive=True)
    await home.bench.asked("launch")
    await home.until(lambda: home.bench.held().pid)
    await home.desiring.close()
    assert len((await store.range(RUN)).items) == 1


async def test_who_leaves_while_an_app_begins_leaves_its_lease(
    home: Home, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.found()
    await home.come_up()
    home.bench.app("web")
    side, ordering = home.world.desired
    begins, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> Any:  # Any: a start that is refused in the end
        begins.set()
        await go_on.wait()
        raise VerbError(ExitCode.FAILED, "no")

    monkeypatch.setattr(side.controller._apps, "start", slow)
    await ordering.deploy("web", exclusive=True)
    await begins.wait()
    await home.desiring.close()
    assert len((await store.range(RUN)).items) == 1
    go_on.set()


async def test_who_leaves_while_the_store_is_away_leaves_all_to_its_lease(home: Home) -> None:
    await home.found()
    await home.come_up()
    side, _ = home.world.desired
    await home.until(lambda: side.leader.fence)
    home.way.cut()
    await home.desiring.close()


async def test_what_is_not_obeyed_is_an_event(home: Home, store: SqliteStore) -> None:
    await home.found()
    await home.come_up()
    await store.txn((), (Put("desired/web", b"by hand"),))
    await home.until(lambda: home.bench.told("order.refused"))
    (event,) = home.bench.told("order.refused")
    assert event.object == "deployment/web"


async def test_an_app_that_no_host_was_ordered_is_none_of_its_business(home: Home) -> None:
    await home.found()
    await home.come_up()
    home.bench.app("own")
    await home.bench.supervisor.start("own")
    assert home.world.desired[0].mirror.observed() == {}


async def test_an_app_that_asks_gets_a_lock_and_its_run_is_held_by_the_keeper(home: Home) -> None:
    await home.found()
    await home.come_up()
    home.bench.app("job")
    await home.bench.supervisor.start("job")
    run = (1, home.bench.held().generation)

    def has() -> bool:
        answer = home.world.locks.ask(*run, "nightly", release=False)
        return isinstance(answer, Fence) and answer.fence > 0

    await home.until(has)
    (order,) = await home.bench.asked("hold")
    assert order["fence"]["key"] == "lock/nightly"


async def test_whether_this_host_takes_work_is_seen_by_the_others(home: Home) -> None:
    own = SimpleNamespace(paused=False, draining=False)
    await home.found()
    await home.come_up()
    home.world.links = SimpleNamespace(own=own)
    _, ordering = home.world.desired
    for mode, marks in (
        (Mode.PAUSED, (True, False)),
        (Mode.DRAINED, (False, True)),
        (Mode.NORMAL, (False, False)),
    ):
        await ordering.host(home.book.identity.public_key, mode)
        assert (own.paused, own.draining) == marks
