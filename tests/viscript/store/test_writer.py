"""One thread, one file: order, atomicity, errors."""

import asyncio
import errno
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from viscript.store import writer as writer_module
from viscript.store.file import connect
from viscript.store.refuge import bring_back
from viscript.store.writer import StoreError, Writer

SCHEMA = "CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, v TEXT);"


def insert(key: int) -> Any:
    return lambda db: db.execute("INSERT INTO t VALUES (?, 'x')", (key,)).rowcount


async def test_an_answer_comes_after_the_commit(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    assert await writer.run(insert(1)) == 1
    with sqlite3.connect(tmp_path / "s.db") as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (1,)
    other.close()
    writer.close()


async def test_one_that_fails_does_not_undo_its_neighbours(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    results = await asyncio.gather(
        writer.run(insert(1)), writer.run(insert(1)), writer.run(insert(2)), return_exceptions=True
    )
    assert results[0] == results[2] == 1
    assert isinstance(results[1], StoreError)
    assert await writer.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone()) == (2,)
    writer.close()


def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    text = b"this is not a database at all, but long enough" * 30
    path.write_bytes(text)
    writer = Writer(path, SCHEMA)
    aside = writer.open()
    writer.close()
    assert aside is not None
    assert aside.read_bytes() == text


async def test_what_is_queued_is_written_before_the_end(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    for key in range(500):
        writer.post(insert(key), lambda answer, error: None)
    writer.close()
    with sqlite3.connect(tmp_path / "s.db") as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (500,)
    other.close()


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    writer.close()
    assert (tmp_path / "s.db").stat().st_mode & 0o777 == 0o600


async def test_an_answer_that_nobody_takes_harms_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()

    def gone(answer: object, error: BaseException | None) -> None:
        raise RuntimeError("Event loop is closed")

    writer.post(insert(1), gone)
    assert await writer.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone()) == (1,)
    assert "nobody took the answer" in caplog.text
    writer.close()


async def test_one_that_nobody_waits_for_any_more_is_written_all_the_same(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    asking = asyncio.get_running_loop().create_task(writer.run(insert(1)))
    await asyncio.sleep(0)
    asking.cancel()
    assert await writer.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone()) == (1,)
    writer.close()


async def test_a_full_queue_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "QUEUE_LIMIT", 1)
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    reached, go = threading.Event(), threading.Event()

    def stuck(db: sqlite3.Connection) -> None:
        reached.set()
        go.wait()

    writer.post(stuck, lambda answer, error: None)
    reached.wait(5)
    writer.post(insert(1), lambda answer, error: None)
    with pytest.raises(StoreError, match="is the disk stuck"):
        writer.post(insert(2), lambda answer, error: None)
    go.set()
    writer.close()


async def test_a_full_disk_is_told_and_survived(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    pages = await writer.run(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await writer.run(lambda db: db.execute(f"PRAGMA max_page_count={pages + 1}"))
    big = "x" * 100_000
    with pytest.raises(StoreError, match="full"):
        await writer.run(lambda db: db.execute("INSERT INTO t VALUES (1, ?)", (big,)))
    await writer.run(lambda db: db.execute("PRAGMA max_page_count=100000"))
    await writer.run(lambda db: db.execute("INSERT INTO t VALUES (1, ?)", (big,)))
    writer.close()


async def test_a_commit_that_fails_fails_all_that_were_in_it(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    with pytest.raises(StoreError):
        await writer.run(lambda db: db.execute("COMMIT"))  # the batch's own commit finds nothing to commit
    assert await writer.run(insert(1)) == 1
    writer.close()


async def test_another_fault_of_an_operation_is_its_callers(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()

    def broken(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (1, 'x')")
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await writer.run(broken)
    assert await writer.run(insert(1)) == 1
    writer.close()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing/s\.db"):
        Writer(tmp_path / "missing" / "s.db", SCHEMA).open()


# A full disk.


async def count(writer: Writer) -> int:
    (number,) = await writer.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone(), durable=False)
    return int(number)


async def filled(writer: Writer) -> None:
    """The file takes no page more."""
    await writer.run(lambda db: db.execute("PRAGMA max_page_count=1"))
    big = "x" * 100_000
    with pytest.raises(StoreError, match="full: what is remembered is in memory only"):
        await writer.run(lambda db: db.execute("INSERT INTO t VALUES (99, ?)", (big,)))


async def test_while_the_disk_is_full_notes_and_reads_go_on_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "RETRY_SECONDS", 0.01)
    heard: list[str] = []
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    writer.room = heard.append
    await writer.run(insert(1))
    await filled(writer)
    monkeypatch.setattr(writer_module, "bring_back", _never)
    assert await writer.run(insert(2), durable=False) == 1
    assert await count(writer) == 2
    with pytest.raises(StoreError, match="in memory only"):
        await writer.run(insert(3))
    assert await count(writer) == 2
    assert [bool(text) for text in heard] == [True]
    monkeypatch.setattr(writer_module, "bring_back", bring_back)
    back = asyncio.Event()
    loop = asyncio.get_running_loop()
    writer.room = lambda full: None if full else _then(loop, back.set)
    async with asyncio.timeout(20):
        await back.wait()  # nobody asks for anything: it looks by itself
    assert writer.full == ""
    writer.close()
    with sqlite3.connect(tmp_path / "s.db") as other:
        assert other.execute("SELECT k FROM t ORDER BY k").fetchall() == [(1,), (2,)]
    other.close()


def _then(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(call)


def _never(memory: sqlite3.Connection, file: sqlite3.Connection) -> None:
    raise OSError(errno.ENOSPC, "full")


async def test_what_cannot_be_brought_back_for_another_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(memory: sqlite3.Connection, file: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("no such table")

    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    await filled(writer)
    monkeypatch.setattr(writer_module, "bring_back", broken)
    writer.close()
    assert "what is in memory is not written: no such table" in caplog.text


async def test_a_file_that_a_full_disk_does_not_let_open_is_read_and_opened_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Writer(tmp_path / "s.db", SCHEMA)
    first.open()
    await first.run(insert(1))
    first.close()
    monkeypatch.setattr(writer_module, "connect", _no_room)
    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    assert await writer.run(insert(2), durable=False) == 1
    assert await count(writer) == 2
    monkeypatch.setattr(writer_module, "connect", connect)
    assert await writer.run(insert(3)) == 1  # who must have it on the disk has it tried at once
    assert writer.full == ""
    writer.close()


def _no_room(path: Path, schema: str) -> sqlite3.Connection:
    raise OSError(errno.ENOSPC, "full")


async def test_a_full_disk_that_cannot_be_read_either_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(file: sqlite3.Connection) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk I/O error")

    writer = Writer(tmp_path / "s.db", SCHEMA)
    writer.open()
    await writer.run(lambda db: db.execute("PRAGMA max_page_count=1"))
    monkeypatch.setattr(writer_module, "copy_of", unreadable)
    big = "x" * 100_000
    async with asyncio.timeout(20):
        with pytest.raises(StoreError, match="full"):
            await writer.run(lambda db: db.execute("INSERT INTO t VALUES (99, ?)", (big,)))
        assert await writer.run(insert(1)) == 1
    assert writer.full == ""
    writer.close()
