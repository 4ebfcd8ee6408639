"""This host's lease: kept, written down, gone on with, made anew."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.desired import Way, quick
from tests.support.stores import sqlite_store
from viscript.cluster.desired import lease as module
from viscript.cluster.desired.lease import HostLease, rest
from viscript.keeper.fence import ASK_S, boottime, create, keep, kept_at
from viscript.statestore.errors import StoreAway
from viscript.statestore.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    quick(monkeypatch)
    async with sqlite_store(tmp_path) as made:
        yield made


@asynccontextmanager
async def kept(lease: HostLease, *earlier: int) -> AsyncIterator[None]:
    """While it runs."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(lease.run(earlier))
        try:
            yield
        finally:
            task.cancel()


class Late(Way):
    """A store that answers the third keepalive."""

    asked = 0

    async def keepalive(self, lease: int, *, timeout: float = 1.0) -> int:
        self.asked += 1
        if self.asked < 3:
            raise StoreAway("not yet")
        return int(await self._store.keepalive(lease, timeout=timeout))


async def until(good: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not good():
            await asyncio.sleep(0.01)


async def test_it_is_kept_and_written_down_when_it_was_sent(store: SqliteStore, tmp_path: Path) -> None:
    changes: list[int] = []
    lease = HostLease(store, tmp_path / "fence", lambda: changes.append(lease.id))
    assert not lease.is_kept
    async with kept(lease):
        await until(lambda: lease.is_kept)
        first = kept_at(lease.file)
        await until(lambda: kept_at(lease.file) > first)
        assert kept_at(lease.file) <= boottime()
    assert changes == [lease.id]


async def test_a_lease_that_ended_is_followed_by_another(store: SqliteStore, tmp_path: Path) -> None:
    changes: list[int] = []
    lease = HostLease(store, tmp_path, lambda: changes.append(lease.id))
    async with kept(lease):
        await until(lambda: lease.id)
        await store.revoke(lease.id)
        await until(lambda: len(changes) == 3)
    assert changes[1] == 0
    assert changes[2] != changes[0]


async def test_with_the_store_away_it_is_not_kept_and_says_why(store: SqliteStore, tmp_path: Path) -> None:
    way = Way(store)
    now = [boottime()]
    lease = HostLease(way, tmp_path, lambda: None, clock=lambda: now[0])
    async with kept(lease):
        await until(lambda: lease.is_kept)
        way.cut()
        await until(lambda: lease.fault == "cut")
        now[0] += ASK_S / 2
        await until(lambda: lease.is_kept)  # for a while yet
        now[0] += ASK_S / 2
        await until(lambda: not lease.is_kept)
        way.mend()
        await until(lambda: lease.is_kept and not lease.fault)


async def test_a_file_that_cannot_be_written_keeps_nothing(store: SqliteStore, tmp_path: Path) -> None:
    lease = HostLease(store, tmp_path / "fence", lambda: None)
    async with kept(lease):
        await until(lambda: lease.id)
        Path(lease.file).unlink()
        await until(lambda: "No such file" in lease.fault)


async def test_the_next_daemon_goes_on_with_it(store: SqliteStore, tmp_path: Path) -> None:
    first = HostLease(store, tmp_path / "fence", lambda: None)
    async with kept(first):
        await until(lambda: first.id)
    second = HostLease(store, tmp_path / "fence", lambda: None)
    async with kept(second, 4711, first.id):
        await until(lambda: second.id)
    assert second.id == first.id


async def test_a_store_that_is_away_as_the_daemon_comes_up_is_asked_again(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host's store is reached by a link, which comes up beside this."""
    monkeypatch.setattr(module, "TTL_S", 10)
    first = HostLease(store, tmp_path / "fence", lambda: None)
    async with kept(first):
        await until(lambda: first.id)
    way = Late(store)
    second = HostLease(way, tmp_path / "fence", lambda: None)
    async with kept(second, first.id):
        await until(lambda: second.id)
    assert second.id == first.id


async def test_a_lease_is_not_gone_on_with_when_its_apps_are_ending(
    store: SqliteStore, tmp_path: Path
) -> None:
    first = HostLease(store, tmp_path / "fence", lambda: None)
    async with kept(first):
        await until(lambda: first.id)
    way = Way(store)
    way.cut()
    late = boottime() + ASK_S
    second = HostLease(way, tmp_path / "fence", lambda: None, clock=lambda: late)
    async with kept(second, first.id):
        await until(lambda: second.fault == "cut")
    assert not second.id


async def test_of_several_the_one_that_was_kept_last_is_gone_on_with(
    store: SqliteStore, tmp_path: Path
) -> None:
    """Numbers of leases are drawn: they tell nothing of their age."""
    folder = tmp_path / "fence"
    folder.mkdir()
    leases = [(await store.lease(60)).id for _ in range(6)]
    for age, one in enumerate(leases):
        create(str(folder / f"{one:x}"))
        keep(str(folder / f"{one:x}"), boottime() - age / 2)
    lease = HostLease(store, folder, lambda: None)
    async with kept(lease, *leases[::-1]):
        await until(lambda: lease.id)
    assert lease.id == leases[0]


async def test_one_that_ended_meanwhile_or_is_of_another_boot_is_not_gone_on_with(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = HostLease(store, tmp_path / "fence", lambda: None)
    async with kept(first):
        await until(lambda: first.id)
    old = first.id
    await first.end()
    second = HostLease(store, tmp_path / "fence", lambda: None)
    async with kept(second, old):
        await until(lambda: second.id)
    assert second.id != old
    monkeypatch.setattr(module, "is_of_now", lambda file: False)
    third = HostLease(store, tmp_path / "fence", lambda: None)
    async with kept(third, second.id):
        await until(lambda: third.id)
    assert third.id != second.id


async def test_files_of_old_leases_are_swept(store: SqliteStore, tmp_path: Path) -> None:
    folder = tmp_path / "fence"
    folder.mkdir()
    (folder / "dead").write_bytes(b"of another boot")
    lease = HostLease(store, folder, lambda: None)
    async with kept(lease):
        await until(lambda: lease.id)
    assert [file.name for file in folder.iterdir()] == [f"{lease.id:x}"]


async def test_what_is_given_back_is_gone_at_once(store: SqliteStore, tmp_path: Path) -> None:
    way = Way(store)
    lease = HostLease(way, tmp_path / "fence", lambda: None)
    async with kept(lease):
        await until(lambda: lease.id)
    way.cut()
    await lease.end()  # nothing can be said to the store: it ends by itself
    assert not lease.is_kept
    await lease.end()


def test_keepalives_leave_the_engine_time_to_elect_a_leader() -> None:
    assert module.EVERY_S + 4.0 <= ASK_S
    assert rest(100.0, 100.5) == pytest.approx(module.EVERY_S - 0.5)  # its answer took half a second
    assert rest(100.0, 109.0) == 0.0
    assert rest(100.0, 90.0) == module.EVERY_S
