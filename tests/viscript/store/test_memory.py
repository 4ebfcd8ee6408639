"""What survives a restart of the daemon."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from viscript.events import Event
from viscript.store import memory as store
from viscript.store.memory import CURSOR_BLOCK, EVENTS_KEPT, InstanceRecord, Memory, boot_id
from viscript.store.writer import Done, Operation, StoreError
from viscript.supervisor.api import Exit


def record(seq: int, **fields: Any) -> InstanceRecord:
    given = {"generation": 1, "name": "web", "app": "web", "phase": "running", "since": 1.0, **fields}
    return InstanceRecord(seq=seq, **given)


def event(cursor: int) -> Event:
    return Event(cursor=cursor, time=1.0, host="h", object="app/1", type="app.running")


async def reopened(path: Path, memory: Memory) -> Memory:
    memory.close()
    again = Memory(path)
    again.open()
    return again


async def test_an_instance_is_remembered_and_its_id_never_given_out_again(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    memory = Memory(path)
    memory.open()
    await memory.keep(record(7))
    memory = await reopened(path, memory)
    assert [r.seq for r in await memory.instances()] == [7]
    assert await memory.next_seq() == 8
    memory.forget([7])
    memory = await reopened(path, memory)
    assert await memory.instances() == []
    assert await memory.next_seq() == 8
    memory.close()


async def test_every_daemon_has_a_higher_epoch(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    memory = Memory(path)
    memory.open()
    first = await memory.next_epoch()
    memory = await reopened(path, memory)
    assert await memory.next_epoch() == first + 1
    memory.close()


async def test_a_cursor_is_not_used_twice_even_when_the_newest_events_were_lost(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    memory = Memory(path)
    memory.open()
    memory.note_events([event(1), event(2)])
    memory = await reopened(path, memory)
    kept, first = await memory.events()
    assert [e.cursor for e in kept] == [1, 2]
    assert first > 2 + CURSOR_BLOCK // 2
    memory.close()


async def test_only_the_newest_events_are_kept(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    memory.note_events([event(n) for n in range(1, EVENTS_KEPT + 101)])
    kept, _ = await memory.events()
    assert len(kept) == EVENTS_KEPT
    assert kept[0].cursor == 101
    memory.close()


async def test_a_first_start_is_no_reboot(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    assert not await memory.new_boot()
    assert not await memory.new_boot()
    await memory.set_value("boot", b"another")
    assert await memory.new_boot()
    memory.close()


async def test_a_number_that_was_never_set_is_none(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    assert await memory.number("keeper_cursor") is None
    memory.note_value("keeper_cursor", b"12")
    assert await memory.number("keeper_cursor") == 12
    memory.close()


async def test_rows_that_another_version_wrote_are_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    await memory.keep(record(1))
    memory.note_events([event(1)])
    await memory._writer.run(lambda db: db.execute("INSERT INTO instance VALUES (2, NULL, X'C1')"))
    await memory._writer.run(lambda db: db.execute("INSERT INTO event VALUES (2, X'C1')"))
    assert [r.seq for r in await memory.instances()] == [1]
    kept, _ = await memory.events()
    assert [e.cursor for e in kept] == [1]
    assert caplog.text.count("a row of the store is not understood") == 2
    memory.close()


async def test_every_field_of_an_instance_comes_back(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    whole = record(
        7,
        args=("-a",),
        env={"A": "1"},
        enabled=False,
        configured=True,
        restarts=3,
        reason="r",
        cause="c",
        last_exit=Exit(signal=9),
        ended=4.0,
        entry=b"x",
        moved_from="other",
    )
    await memory.keep(whole)
    assert await memory.instances() == [whole]
    memory.close()


async def test_a_write_that_fails_is_logged_and_holds_nobody_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    await memory._writer.run(lambda db: db.execute("DROP TABLE instance"))
    memory.note(record(1))
    memory.close()
    assert "not remembered: no such table: instance" in caplog.text

    def full(operation: object, done: object) -> None:
        raise StoreError("50000 writes are waiting")

    monkeypatch.setattr(memory._writer, "post", full)
    memory.note(record(1))
    memory.note_events([event(1)])
    memory.forget([1])
    memory.note_value("k", b"v")
    assert caplog.text.count("not remembered: 50000 writes are waiting") == 4


async def test_what_a_burst_notes_is_gathered_and_the_newest_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    posted: list[object] = []
    post = memory._writer.post

    def counted(operation: Operation, done: Done, *, durable: bool = False) -> None:
        posted.append(operation)
        post(operation, done, durable=durable)

    monkeypatch.setattr(memory._writer, "post", counted)
    monkeypatch.setattr(store, "GATHER_SECONDS", 3600)
    for phase in ("waiting", "starting", "running"):
        memory.note(record(1, phase=phase))
        memory.note(record(2, phase=phase))
    async with asyncio.timeout(5):
        while not posted:
            await asyncio.sleep(0)
    memory.note(record(2, phase="running"))  # of the same burst: gathered
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(posted) == 1
    memory.note(record(1, phase="running"), at_once=True)
    assert len(posted) == 2
    assert [r.phase for r in await memory.instances()] == ["running", "running"]
    assert await memory.next_seq() == 3
    memory.close()


async def test_what_was_noted_before_something_else_is_written_before_it(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    memory.note(record(1))
    memory.note(record(2))
    memory.forget([1])
    memory.note(record(3))
    assert [r.seq for r in await memory.instances()] == [2, 3]
    memory.close()


async def test_a_record_that_cannot_be_written_spoils_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    memory.note(record(1, args=("\udcff",)))
    assert await memory.instances() == []
    memory.note(record(1, args=("\udcff",)))
    memory.note(record(2))
    assert [r.seq for r in await memory.instances()] == [2]
    assert caplog.text.count("seq=1 is not remembered") == 2
    memory.close()


def test_a_system_without_a_boot_id_has_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert boot_id()

    def missing(path: Path) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", missing)
    assert boot_id() == ""


def damaged(path: Path, how: str) -> None:
    if how == "no database":
        path.write_bytes(bytes(range(256)) * 32)
        return
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 12_288)


@pytest.mark.parametrize("how", ["no database", "broken inside"])
async def test_a_damaged_file_is_put_aside_and_another_begun(tmp_path: Path, how: str) -> None:
    path = tmp_path / "state.db"
    for number in (1, 2):
        memory = Memory(path)
        assert memory.open() is None
        await memory.keep(record(7))
        memory.close()
        damaged(path, how)
        memory = Memory(path)
        aside = tmp_path / f"state.db.damaged-{number}"
        assert memory.open() == aside
        assert aside.stat().st_size > 0
        assert await memory.instances() == []
        memory.close()


def test_a_file_that_is_no_file_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(StoreError, match="unable to open"):
        Memory(tmp_path / "state.db").open()
    assert [path.name for path in tmp_path.iterdir()] == ["state.db"]


async def test_signed_records_are_kept_by_kind_and_slot(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    memory = Memory(path)
    memory.open()
    await memory.change_records("member", {b"a": b"1", b"b": b"2"})
    await memory.change_records("card", {b"a": b"3"})
    await memory.change_records("member", {b"a": b"4"}, [b"b"])
    memory = await reopened(path, memory)
    assert await memory.records("member") == {b"a": b"4"}
    assert await memory.records("card") == {b"a": b"3"}
    assert await memory.records("other") == {}
    memory.close()


async def test_a_value_can_be_forgotten(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "s.db")
    memory.open()
    await memory.set_value("k", b"v")
    await memory.forget_value("k")
    await memory.forget_value("k")
    assert await memory.value("k") is None
    memory.close()
