import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from signal_bus.identity import Identity
from viscript.cluster.audit import book as module
from viscript.cluster.audit.book import Audit, Verdict
from viscript.cluster.audit.entry import Said
from viscript.store.memory import Memory
from viscript.store.writer import StoreError

HOST = Identity(bytes(range(32)))
SAID = Said(kind="asked", time=0.0, actor="ab", verb="start", argv=("s", "web"))


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    memory = Memory(tmp_path / "state.db")
    memory.open()
    yield memory
    memory.close()


async def kinds(audit: Audit) -> list[str]:
    return [entry.kind async for entry in audit.newest_first()]


async def test_what_is_asked_is_on_the_disk_before_it_runs(memory: Memory, tmp_path: Path) -> None:
    audit = Audit(memory, HOST, clock=lambda: 5.0)
    asked = await audit.asked(SAID)
    with sqlite3.connect(tmp_path / "state.db") as other:
        assert other.execute("SELECT count(*) FROM audit").fetchone() == (1,)
    other.close()
    assert audit.is_running(asked.said.ulid)
    audit.done(asked, 3)
    assert not audit.is_running(asked.said.ulid)
    end, begin = [entry async for entry in audit.newest_first()]
    assert (begin.kind, begin.ulid, begin.time, begin.code) == ("asked", asked.said.ulid, 5.0, None)
    assert (end.kind, end.ulid, end.code) == ("done", asked.said.ulid, 3)


async def test_the_chain_goes_on_in_the_next_daemon(memory: Memory) -> None:
    await Audit(memory, HOST).asked(SAID)
    await Audit(memory, HOST).asked(SAID)
    assert await Audit(memory, HOST).verify() == Verdict(2)


async def test_many_at_once_make_one_chain(memory: Memory) -> None:
    audit = Audit(memory, HOST)
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(audit.asked(SAID))
    assert await audit.verify() == Verdict(50)


async def test_the_first_entry_that_is_wrong_is_named(memory: Memory) -> None:
    audit = Audit(memory, HOST)
    for _ in range(4):
        await audit.asked(SAID)
    await memory.run(lambda db: db.execute("DELETE FROM audit WHERE number=2"))
    assert await audit.verify() == Verdict(1, 3, "it is entry 3, where 2 must follow")
    await memory.run(lambda db: db.execute("UPDATE audit SET number=2 WHERE number=3"))
    assert (await audit.verify()).number == 2


async def test_an_entry_in_another_place_is_found(memory: Memory) -> None:
    audit = Audit(memory, HOST)
    await audit.asked(SAID)
    await memory.run(lambda db: db.execute("UPDATE audit SET number=7"))
    assert await audit.verify() == Verdict(0, 7, "it says that it is entry 1")


async def test_an_entry_that_cannot_be_read_hides_no_other(
    memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    audit = Audit(memory, HOST)
    for _ in range(3):
        await audit.asked(SAID)
    await memory.run(lambda db: db.execute("UPDATE audit SET record=x'00' WHERE number=2"))
    assert await kinds(audit) == ["asked", "asked"]
    assert "entry=2" in caplog.text


async def test_one_who_is_refused_again_and_again_does_not_fill_the_disk(memory: Memory) -> None:
    audit = Audit(memory, HOST)
    for _ in range(module.REFUSALS + 20):
        await audit.refused(SAID, 7)
    assert await kinds(audit) == ["refused"] * module.REFUSALS
    await audit.refused(Said(kind="asked", time=0.0, actor="cd"), 7)
    assert len(await kinds(audit)) == module.REFUSALS + 1


async def test_however_many_are_refused_few_are_remembered(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CALLERS", 3)
    audit = Audit(memory, HOST)
    for caller in "abcdefgh":
        await audit.refused(Said(kind="asked", time=0.0, actor=caller), 7)
    assert len(audit._refusals) == 3


async def test_the_old_is_dropped_now_and_then(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "TRIM_EVERY", 2)
    now = 1000.0
    audit = Audit(memory, HOST, clock=lambda: now)
    for _ in range(3):
        await audit.asked(SAID)
    now += module.KEPT_S + 1
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            await audit.asked(SAID)
    assert await kinds(audit) == ["asked", "asked", "cut"]
    assert (await audit.verify()).number is None
    assert "dropped entries=3" in caplog.text


class _Broken:
    """A store that fails, or never answers."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault
        self.posted: list[Any] = []

    async def run(self, operation: Any) -> Any:
        if self.fault is None:
            await asyncio.Event().wait()
        else:
            raise self.fault

    def post(self, operation: Any) -> None:
        self.posted.append(operation)


@pytest.mark.parametrize("fault", [StoreError("no room"), None], ids=["refuses", "silent"])
async def test_a_verb_goes_on_when_nothing_can_be_written(
    fault: Exception | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    store = _Broken(fault)
    audit = Audit(store, HOST)
    audit.done(await audit.asked(SAID), 0)
    assert len(store.posted) == 1
    assert "the audit is not on the disk: kind=asked verb=start" in caplog.text
