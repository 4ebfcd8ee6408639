"""Copies of an audit on their way into the shared store: nothing lost, nothing twice, nobody held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.audits import HOST, said
from tests.support.stores import PATIENCE_S, Fate, Forgetful, sqlite_store
from viscript.cluster.audit import copying, rows
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.copies import Copies, prefix_of
from viscript.cluster.audit.copying import CURSOR, Copying
from viscript.statestore.api import Put, StateStore
from viscript.statestore.errors import Refused, StoreAway, Unclear
from viscript.statestore.sqlite import SqliteStore
from viscript.store.memory import Memory
from viscript.store.writer import StoreError


class Bench:
    """A home's memory and audit, and the store of the cluster."""

    def __init__(self, memory: Memory, store: SqliteStore) -> None:
        self.memory = memory
        self.store = store
        self.audit = Audit(memory, HOST)

    def copying(self, store: StateStore | None = None) -> Copying:
        return Copying(store or self.store, self.memory, self.audit, HOST.public_key)

    async def begun(self, store: StateStore | None = None) -> Copying:
        """One that has looked once: what is asked from now on is copied."""
        made = self.copying(store)
        await made.copy()
        return made

    async def write(self, count: int = 1, *, what: int = 1) -> None:
        def many(db: object) -> None:
            for _ in range(count):
                rows.append(db, said(what), HOST)  # type: ignore[arg-type] # the connection

        await self.memory.run(many)

    async def copies(self) -> Copies:
        found = Copies(HOST.public_key)
        found.feed((await self.store.range(prefix_of(HOST.public_key))).items)
        found.settle()
        assert not found.faults
        return found

    async def numbers(self) -> list[int]:
        return sorted((await self.copies()).entries)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    memory = Memory(tmp_path / "state.db")
    memory.open()
    async with sqlite_store(tmp_path) as store:
        yield Bench(memory, store)
    memory.close()


async def until(probe: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not probe():
            await asyncio.sleep(0.01)


async def test_what_is_asked_from_joining_on_is_copied(bench: Bench) -> None:
    await bench.write(3)
    copying = await bench.begun()
    assert await bench.numbers() == []
    await bench.write(2)
    await copying.copy()
    await copying.copy()
    assert await bench.numbers() == [4, 5]
    assert len((await bench.store.range("audit/")).items) == 1


async def test_the_next_daemon_goes_on_where_the_last_one_was(bench: Bench) -> None:
    await (await bench.begun()).copy()
    await bench.write(2)
    await bench.copying().copy()
    await bench.write(2)
    next_one = bench.copying()
    await next_one.copy()
    assert (await bench.numbers(), next_one.copied) == ([1, 2, 3, 4], 4)


async def test_what_has_piled_up_goes_out_in_pieces(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "PAUSE_S", 0.0)
    begun = await bench.begun()
    await bench.write(1300)
    await begun.copy()
    assert await bench.numbers() == list(range(1, 1301))
    assert 4 < len((await bench.store.range("audit/")).items) < 20


@pytest.mark.parametrize("fate", [Fate.DONE, Fate.LOST, Fate.LATE])
async def test_a_copy_whose_answer_was_lost_is_there_once(bench: Bench, fate: Fate) -> None:
    begun = await bench.begun(Forgetful(bench.store, [fate]))
    await bench.write(2)
    with pytest.raises(Unclear):
        await begun.copy()
    await bench.write(2)
    await begun.copy()
    await begun.copy()
    assert await bench.numbers() == [1, 2, 3, 4]
    assert len((await bench.store.range("audit/")).items) == 2


async def test_a_key_that_somebody_took_is_not_written_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ulid", lambda now, chance: "X")
    await bench.store.txn((), (Put(f"{prefix_of(HOST.public_key)}X", b"foreign"),))
    begun = await bench.begun()
    await bench.write()
    with pytest.raises(Refused, match="no copy of ours"):
        await begun.copy()
    monkeypatch.undo()
    await begun.copy()
    copies = Copies(HOST.public_key)
    copies.feed((await bench.store.range("audit/")).items)
    assert sorted(copies.entries) == [1]


@pytest.mark.parametrize("fault", [StoreAway("cut"), StoreError("full"), Refused("not yours")])
async def test_with_the_store_away_entries_wait_and_are_copied_when_it_is_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    for name in ("GATHER_S", "EVERY_S", "RETRY_S", "REFUSED_S", "PAUSE_S"):
        monkeypatch.setattr(copying, name, 0.02)
    begun, txn = await bench.begun(), bench.store.txn

    async def away(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(bench.store, "txn", away)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(begun.run())
        asked = await bench.audit.asked(said(1))
        bench.audit.done(asked, 0)
        await until(lambda: begun.fault == str(fault))
        monkeypatch.setattr(bench.store, "txn", txn)
        await until(lambda: begun.copied == 2)
        await until(lambda: not begun.fault)
        await bench.audit.asked(said(1))
        await until(lambda: begun.copied == 3)
        running.cancel()
    assert await bench.numbers() == [1, 2, 3]


async def test_a_database_that_was_put_back_leaves_the_copies_as_they_are(bench: Bench) -> None:
    begun = await bench.begun()
    await bench.write(2)
    await begun.copy()
    old = await bench.memory.value(CURSOR)
    assert old is not None
    await bench.write(3)
    await begun.copy()
    await bench.memory.run(lambda db: db.execute("DELETE FROM audit WHERE number > 2"))
    await bench.memory.set_value(CURSOR, old)
    await bench.write(1, what=2)
    await bench.copying().copy()
    copies = Copies(HOST.public_key)
    copies.feed((await bench.store.range("audit/")).items)
    assert copies.last == 5
    assert "entry 3 was copied twice, and not the same" in copies.faults[0]


async def test_what_a_host_is_asked_while_it_is_alone_is_not_copied(bench: Bench) -> None:
    joined = [True]
    begun = Copying(bench.store, bench.memory, bench.audit, HOST.public_key, joined=lambda: joined[0])
    await begun.copy()
    await bench.write(2)
    await begun.copy()
    joined[0] = False
    await bench.write(2)
    await begun.copy()
    joined[0] = True
    await bench.write(1)
    await begun.copy()
    assert await bench.numbers() == [1, 2, 5]
