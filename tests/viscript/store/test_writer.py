"""One thread, one file: order, atomicity, errors."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

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


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"this is not a database at all, but long enough" * 30)
    with pytest.raises(StoreError, match=r"s\.db"):
        Writer(path, SCHEMA).open()


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
