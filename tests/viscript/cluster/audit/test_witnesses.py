"""What the copies and other hosts say of an audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.audits import HOST, said
from tests.support.stores import sqlite_store
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.copies import prefix_of
from viscript.cluster.audit.copying import Copying
from viscript.cluster.audit.heads import Head
from viscript.cluster.audit.witnesses import Findings, Witnesses
from viscript.statestore.api import Put
from viscript.statestore.errors import StoreAway
from viscript.statestore.sqlite import SqliteStore
from viscript.store.memory import Memory

KEY = HOST.public_key


class Bench:
    """Six entries that were copied, and one host that keeps a head."""

    def __init__(self, memory: Memory, store: SqliteStore) -> None:
        self.memory = memory
        self.store: Any = store
        self.audit = Audit(memory, HOST)
        self.kept: list[tuple[str, Head | None]] = []
        self.witnesses = Witnesses(self.audit, KEY, lambda: self.store, self)  # type: ignore[arg-type] # its heads

    async def heads(self) -> list[tuple[str, Head | None]]:
        return self.kept

    async def fill(self) -> None:
        copying = Copying(self.store, self.memory, self.audit, KEY)
        await copying.copy()
        for _ in range(6):
            await self.audit.asked(said(1))
        await copying.copy()
        number, digest = await self.audit.end()
        self.kept = [("beta", Head(KEY, number, digest, 0.0)), ("gamma", None)]

    async def forge(self, sql: str) -> None:
        await self.memory.run(lambda db: db.execute(sql))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    memory = Memory(tmp_path / "state.db")
    memory.open()
    async with sqlite_store(tmp_path) as store:
        bench = Bench(memory, store)
        await bench.fill()
        yield bench
    memory.close()


async def test_what_fits_is_said_with_who_was_heard(bench: Bench) -> None:
    assert await bench.witnesses.heard() == Findings(copied=6, heard=1)


async def test_an_end_that_was_cut_off_is_found_by_the_copies(bench: Bench) -> None:
    bench.kept = []
    await bench.forge("DELETE FROM audit WHERE number > 4")
    assert (await bench.audit.verify()).number is None, "the chain alone cannot tell"
    found = (await bench.witnesses.heard()).difference
    assert found is not None
    assert found.number == 5
    assert "the copy in the store has entries up to 6" in found.reason


async def test_an_old_database_is_found_by_another_host_where_none_is_shared(bench: Bench) -> None:
    bench.store = None
    await bench.forge("DELETE FROM audit WHERE number > 4")
    found = await bench.witnesses.heard()
    assert (found.copied, found.heard) == (None, 1)
    assert found.difference is not None
    assert "beta has entries up to 6" in found.difference.reason


async def test_an_old_database_that_was_written_on_is_found(bench: Bench) -> None:
    await bench.forge("DELETE FROM audit WHERE number > 4")
    for _ in range(4):
        await bench.audit.asked(said(2))
    assert (await bench.audit.verify()).number is None
    found = (await bench.witnesses.heard()).difference
    assert found is not None
    assert (found.number, found.reason) == (5, "it is another one than the copy in the store has")


async def test_a_forged_copy_and_that_of_another_host_are_named(bench: Bench) -> None:
    (item,) = (await bench.store.range(prefix_of(KEY))).items
    wrong = item.value.replace(b"ab", b"cd")
    await bench.store.txn((), (Put(f"{prefix_of(KEY)}Z", wrong), Put(f"audit/{'00' * 32}/Z", item.value)))
    found = await bench.witnesses.heard()
    assert found.difference is None
    assert len(found.faults) == 1
    assert f"{prefix_of(KEY)}Z is no copy of this host's audit" in found.faults[0]
    other = await bench.witnesses.copies(KEY.__class__(bytes(32)))
    assert other is not None
    assert (len(other.entries), len(other.faults)) == (0, 1)


async def test_with_the_store_away_that_is_said_and_hosts_are_asked(bench: Bench) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreAway("cut")

    bench.store.range = away
    found = await bench.witnesses.heard()
    assert (found.copied, found.heard, found.away) == (None, 1, "cut")
    with pytest.raises(StoreAway):
        await bench.witnesses.copies(KEY)
