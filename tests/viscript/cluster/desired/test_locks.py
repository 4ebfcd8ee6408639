"""Locks that apps of several hosts ask for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from signal_bus.delegate import Refusal
from signal_bus.messages import Fence
from tests.support.desired import Way, quick
from tests.support.fake_keeper import FakeKeeper
from tests.support.rosters import host
from tests.support.stores import sqlite_store
from viscript.cluster.desired import locks as module
from viscript.cluster.desired.keys import LOCK
from viscript.cluster.desired.lease import HostLease
from viscript.cluster.desired.locks import Locks
from viscript.statestore.api import Put
from viscript.statestore.sqlite import SqliteStore
from viscript.supervisor.keeper_port import KeeperError

RUN = (7, 1)


class One:
    """A host with locks; `living` are the runs of its apps."""

    def __init__(self, store: SqliteStore, folder: Path, number: int) -> None:
        self.way = Way(store)
        self.lease = HostLease(self.way, folder / f"h{number}", lambda: None)
        self.keeper = FakeKeeper()
        self.living: set[tuple[int, int]] = {RUN, (8, 1)}
        self.locks = self.made(number)

    def made(self, number: int) -> Locks:
        return Locks(
            self.way,
            self.lease,
            self.keeper,
            me=host(number).public_key,
            label=lambda: f"h{number}",
            lives=self.living.__contains__,
        )

    def ask(self, run: tuple[int, int] = RUN, *, release: bool = False) -> Fence:
        answer = self.locks.ask(*run, "x", release=release)
        assert isinstance(answer, Fence)
        return answer

    def fence(self, run: tuple[int, int] = RUN) -> int:
        return self.ask(run).fence

    def held(self) -> list[Any]:  # Any: what the keeper was told
        return [fields["fence"] and fields["fence"]["revision"] for fields in self.keeper.asked("hold")]


async def until(good: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not good():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(*hosts: One) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        begun = [tasks.create_task(work) for one in hosts for work in (one.lease.run(), one.locks.run())]
        try:
            await until(lambda: all(one.lease.is_kept for one in hosts))
            yield
        finally:
            for task in begun:
                task.cancel()


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    quick(monkeypatch)
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    async with sqlite_store(tmp_path) as made:
        yield made


@pytest.fixture
async def two(store: SqliteStore, tmp_path: Path) -> AsyncIterator[tuple[One, One]]:
    hosts = (One(store, tmp_path, 1), One(store, tmp_path, 2))
    async with running(*hosts):
        yield hosts


async def test_one_has_it_and_the_keeper_knows_before_the_app_does(two: tuple[One, One]) -> None:
    one, _ = two
    assert one.fence() == 0
    await until(one.fence)
    assert one.held() == [one.fence()]


async def test_another_host_waits_and_hears_who_has_it(two: tuple[One, One]) -> None:
    one, other = two
    await until(one.fence)
    await until(lambda: other.ask().holder == "h1/7")
    assert other.fence() == 0
    first = one.fence()
    one.ask(release=True)
    await until(other.fence)
    assert other.fence() > first
    assert one.held()[-1] is None


async def test_two_of_one_host_take_turns(two: tuple[One, One]) -> None:
    one, _ = two
    await until(one.fence)
    assert one.ask((8, 1)).holder == "h1/7"
    one.living.discard(RUN)
    await until(lambda: one.fence((8, 1)))


async def test_a_lost_host_loses_it(two: tuple[One, One]) -> None:
    one, other = two
    await until(one.fence)
    first = one.fence()
    one.way.cut()
    await until(other.fence)
    assert other.fence() > first
    one.way.mend()
    await until(lambda: one.ask().holder == "h2/7")


async def test_a_run_whose_lease_was_ended_early_is_left_to_its_keeper(
    two: tuple[One, One], store: SqliteStore
) -> None:
    """Whoever lets the keeper forget it has a run go on that believes it is alone."""
    one, other = two
    await until(one.fence)
    first = one.fence()
    other.ask()
    await store.revoke(one.lease.id)
    await until(other.fence)
    await until(lambda: one.lease.is_kept and one.ask().holder == "h2/7")
    other.ask(release=True)
    await until(lambda: one.fence((8, 1)))
    assert one.held()[0] == first
    assert None not in one.held()
    assert {fields["seq"] for fields in one.keeper.asked("hold")} == {7, 8}


async def test_a_daemon_that_comes_up_knows_the_locks_of_runs_that_go_on(
    store: SqliteStore, tmp_path: Path
) -> None:
    one, other = One(store, tmp_path, 1), One(store, tmp_path, 2)
    async with running(other), asyncio.TaskGroup() as tasks:
        lease = tasks.create_task(one.lease.run())
        first = tasks.create_task(one.locks.run())
        await until(one.fence)
        one.locks.ask(8, 1, "y", release=False)
        await until(lambda: one.locks._grips.get("y"))
        first.cancel()
        one.locks = one.made(1)
        one.living.discard((8, 1))
        second = tasks.create_task(one.locks.run())
        await until(lambda: one.locks.given and other.ask().holder == "h1/7")
        other.locks.ask(*RUN, "y", release=False)  # of a run that is over
        await until(lambda: other.locks._grips.get("y"))
        one.ask(release=True)
        await until(other.fence)
        lease.cancel()
        second.cancel()


async def test_a_wish_of_a_run_that_is_over_is_forgotten(two: tuple[One, One], store: SqliteStore) -> None:
    one, _ = two
    await until(one.fence)
    one.living.clear()
    await until(lambda: not one.locks._grips and not one.locks._wishes)
    assert await store.get(LOCK + "x") is None


async def test_what_the_keeper_does_not_take_is_given_back(two: tuple[One, One]) -> None:
    one, other = two
    one.keeper.refuse["hold"] = KeeperError("lease-lost", "no")
    one.ask()
    await until(lambda: one.keeper.asked("hold"))
    one.ask(release=True)
    await until(other.fence)
    assert one.fence() == 0


async def test_the_next_daemon_takes_a_lock_of_before_anew(two: tuple[One, One], store: SqliteStore) -> None:
    one, _ = two
    await store.txn((), (Put(LOCK + "x", b"of another run", one.lease.id),))
    await until(one.fence)


async def test_there_is_an_end_to_wishes(two: tuple[One, One], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    one, _ = two
    one.ask()
    answer = one.locks.ask(8, 1, "y", release=False)
    assert isinstance(answer, Refusal)
    assert answer.retry
