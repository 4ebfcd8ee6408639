"""The store a daemon holds: away, back, opened late, closed for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.stores import PATIENCE_S, batches_of
from viscript.statestore import held as held_module
from viscript.statestore.api import Get, Put, Standing, StateStore
from viscript.statestore.errors import BadUrl, LeaseGone, Refused, StateStoreError, StoreAway
from viscript.statestore.held import HeldStore
from viscript.statestore.sqlite import SqliteStore

SILENCE_S = held_module.LOOK_S  # before tests make it short


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_S", "FIRST_RETRY_S", "LONGEST_RETRY_S"):
        monkeypatch.setattr(held_module, name, 0.02)


async def until(probe: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not probe():
            await asyncio.sleep(0.01)


class Trouble(SqliteStore):
    """Fails as long as it is told to."""

    fault: StateStoreError | None = None

    async def _run(self, *args: object, **more: object) -> object:  # type: ignore[override] # passed on
        if self.fault is not None:
            raise self.fault
        return await super()._run(*args, **more)  # type: ignore[arg-type] # as above


class Holding:
    """A held store, what it told, and what is in its way."""

    def __init__(self, folder: Path, *, lazy: bool = False, patience_s: float = 0.0) -> None:
        self.store = Trouble(folder / "store.db")
        self.told: list[str] = []
        self.opened = 0
        self.unopened: Exception | None = None
        self.held = HeldStore("sqlite x", self._open, lazy=lazy, told=self._hear, patience_s=patience_s)

    async def _open(self) -> StateStore:
        if self.unopened is not None:
            raise self.unopened
        self.opened += 1
        await self.store.open()
        return self.store

    def _hear(self, fault: StateStoreError | None, seconds: float) -> None:
        self.told.append("back" if fault is None else str(fault))
        assert seconds >= 0


async def test_every_call_is_the_stores_own(tmp_path: Path) -> None:
    held = Holding(tmp_path).held
    lease = await held.lease(30)
    done = await held.txn((), (Put("a", b"1", lease.id),))
    assert (await held.range("")).items == (await held.get("a"),)
    assert await held.keepalive(lease.id) == 30
    (batch,) = await batches_of(held, "", done.revision, 1)
    assert batch.revision == done.revision
    await held.revoke(lease.id)
    assert await held.get("a") is None
    assert held.capabilities().engine == "sqlite"
    assert (await held.look()).ok
    assert held.standing() == "in use"
    await held.close()


async def test_it_is_opened_once_and_only_when_it_is_needed(tmp_path: Path) -> None:
    holding = Holding(tmp_path, lazy=True)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(holding.held.keep())
        await asyncio.sleep(0.1)
        assert (holding.opened, holding.held.used, holding.held.standing()) == (0, False, "not used yet")
        assert holding.held.capabilities().engine == "sqlite"
        await asyncio.gather(*(holding.held.get("a") for _ in range(5)))
        assert (holding.opened, holding.held.used) == (1, True)
        keeping.cancel()
    with pytest.raises(StoreAway, match="was closed"):
        await holding.held.get("a")


@pytest.mark.parametrize("fault", [StoreAway("nobody answers"), Refused("wrong password")])
async def test_away_and_back_are_told_once_each(tmp_path: Path, fault: StateStoreError) -> None:
    holding = Holding(tmp_path)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(holding.held.keep())
        await until(lambda: holding.held.standing() == "in use")
        holding.store.fault = fault
        await until(lambda: holding.told)
        with pytest.raises(type(fault)):
            await holding.held.get("a")
        assert holding.held.fault is not None
        assert holding.held.standing() == f"away for 0 s: {fault}"
        holding.store.fault = None
        await until(lambda: len(holding.told) == 2)
        keeping.cancel()
    assert holding.told == [str(fault), "back"]


async def test_one_that_comes_a_little_late_was_never_away(tmp_path: Path) -> None:
    holding = Holding(tmp_path, patience_s=60.0)
    holding.unopened = StoreAway("no link yet")
    with pytest.raises(StoreAway, match="no link yet"):
        await holding.held.get("a")
    assert holding.held.standing().startswith("away for ")
    holding.unopened = None
    assert await holding.held.get("a") is None
    assert holding.told == []
    holding.store.fault = StoreAway("gone")  # it was reached: patience has ended
    with pytest.raises(StoreAway, match="gone"):
        await holding.held.get("a")
    assert holding.told == ["gone"]


async def test_one_that_stays_away_is_told_when_patience_ends(tmp_path: Path) -> None:
    holding = Holding(tmp_path, patience_s=0.2)
    holding.unopened = StoreAway("no link yet")
    with pytest.raises(StoreAway):
        await holding.held.get("a")
    assert holding.told == []
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(holding.held.run())
        await until(lambda: holding.told == ["no link yet"])
        looking.cancel()


async def test_one_that_is_used_late_is_looked_at_while_it_is_away(tmp_path: Path) -> None:
    holding = Holding(tmp_path, lazy=True)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(holding.held.keep())
        holding.store.fault = StoreAway("stuck")
        with pytest.raises(StoreAway):
            await holding.held.get("a")
        holding.store.fault = None
        await until(lambda: holding.told == ["stuck", "back"])
        keeping.cancel()


@pytest.mark.parametrize("fault", [BadUrl("no such engine"), StoreAway("on NFS")])
async def test_one_that_cannot_be_opened_is_away_until_it_can(tmp_path: Path, fault: Exception) -> None:
    holding = Holding(tmp_path)
    holding.unopened = fault
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(holding.held.keep())
        await until(lambda: holding.told)
        assert await holding.held.look() == Standing(False, str(fault))
        with pytest.raises(StoreAway, match=str(fault)):
            await holding.held.txn((), (Get("a"),))
        holding.unopened = None
        await until(lambda: len(holding.told) == 2)
        keeping.cancel()
    assert holding.told == [str(fault), "back"]


async def test_a_watch_that_ends_tells_it(tmp_path: Path) -> None:
    holding = Holding(tmp_path)
    await holding.held.txn((), (Put("a", b""),))
    async with asyncio.timeout(PATIENCE_S), aclosing(holding.held.watch("", 2)) as watch:
        await anext(watch)
        holding.store.fault = StoreAway("gone")
        with pytest.raises(StoreAway):
            await anext(watch)
    assert holding.told == ["gone"]
    holding.store.fault = None
    await holding.held.close()


async def test_what_the_caller_did_wrong_is_not_the_stores_absence(tmp_path: Path) -> None:
    holding = Holding(tmp_path)
    with pytest.raises(LeaseGone):
        await holding.held.keepalive(77)
    assert holding.told == []
    await holding.held.close()


async def test_one_that_was_never_reached_does_not_say_it_is_in_use(tmp_path: Path) -> None:
    holding = Holding(tmp_path)
    with pytest.raises(LeaseGone):
        await holding.held.keepalive(77)
    assert holding.held.standing() == "not reached yet"
    await holding.held.close()
    await HeldStore("x", holding._open).close()


async def test_one_that_answers_others_is_not_looked_at_and_a_silent_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding, clock, looks, rounds = Holding(tmp_path), [100.0], list[float](), list[float]()
    held, look = holding.held, holding.held.look

    async def counted(**more: float) -> Standing:
        looks.append(clock[0])
        return await look(**more)

    async def rest(seconds: float) -> None:
        """Time passes; in the first rounds somebody else asks meanwhile."""
        rounds.append(seconds)
        if len(rounds) <= 3:
            clock[0] += 2.0
            await held.get("a")
        elif len(rounds) == 4:
            clock[0] += seconds
            holding.store.fault = StoreAway("it says nothing")
        else:
            raise asyncio.CancelledError

    monkeypatch.setattr(held_module, "LOOK_S", 3.5)
    monkeypatch.setattr(held_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(held, "look", counted)
    monkeypatch.setattr(held, "_rest", rest)
    with pytest.raises(asyncio.CancelledError):
        await held.run()
    assert looks == [100.0, 109.5], "3.5 s behind the last answer to anybody"
    assert holding.told == ["it says nothing"]
    holding.store.fault = None
    await held.close()


def test_a_silent_absence_is_noticed_within_six_seconds() -> None:
    assert SILENCE_S + held_module.LOOK_TIMEOUT_S <= 6.0


async def test_a_store_of_a_plugin_that_breaks_the_contract_is_away_and_ends_nothing(tmp_path: Path) -> None:
    holding = Holding(tmp_path)
    holding.unopened = ZeroDivisionError("of a plugin")

    async def broken(**_: object) -> Standing:
        raise KeyError("look")

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(holding.held.run())
        await until(lambda: "ZeroDivisionError: of a plugin" in str(holding.held.fault))
        with pytest.raises(StoreAway, match="of a plugin"):
            await holding.held.get("x")
        holding.store.look = broken  # type: ignore[method-assign]  # what a plugin may do
        holding.unopened = None
        await until(lambda: "KeyError" in str(holding.held.fault))
        assert not task.done()
        task.cancel()
    await holding.held.close()


async def test_what_was_opened_while_it_is_closed_is_closed_too(tmp_path: Path) -> None:
    store, opening, opened = SqliteStore(tmp_path / "store.db"), asyncio.Event(), asyncio.Event()
    closed: list[bool] = []

    async def opener() -> StateStore:
        opening.set()
        await opened.wait()
        await store.open()
        return store

    async def close() -> None:
        closed.append(True)
        await SqliteStore.close(store)

    store.close = close  # type: ignore[method-assign]  # looked at
    held = HeldStore("sqlite x", opener)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(held.look())
        await opening.wait()
        await held.close()
        opened.set()
    assert asking.result().text == "sqlite x was closed"
    assert closed == [True]
