import asyncio
import sqlite3
from pathlib import Path

import pytest

from components.mesh import writer as module
from components.mesh.errors import Busy, Gone
from components.mesh.writer import StoreError, Work, Writer

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)"


def add(number: int) -> Work[int]:
    def work(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


def numbers(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT n FROM t ORDER BY n")]


async def test_what_was_written_is_there_the_next_time(tmp_path: Path) -> None:
    async with Writer(tmp_path / "f", SCHEMA) as writer:
        assert await writer.run(add(1)) == 1
        assert await writer.run(lambda db: db.execute("PRAGMA synchronous").fetchone()[0]) == 2
    with pytest.raises(Gone, match="f is closed"):
        await writer.run(numbers)
    async with Writer(tmp_path / "f", SCHEMA) as writer:
        assert await writer.run(numbers) == [1]


async def test_of_many_together_those_that_fail_fail_alone(tmp_path: Path) -> None:
    def broken(_: sqlite3.Connection) -> None:
        raise ZeroDivisionError

    async with Writer(tmp_path / "f", SCHEMA) as writer:
        works: list[Work[object]] = [add(1), add(2), add(1), broken, add(3)]
        results = await asyncio.gather(*(writer.run(work) for work in works), return_exceptions=True)
        assert [type(each) for each in results] == [int, int, StoreError, ZeroDivisionError, int]
        assert await writer.run(numbers) == [1, 2, 3]


async def test_a_full_disk_is_told_and_passes(tmp_path: Path) -> None:
    async with Writer(tmp_path / "f", "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, b)") as writer:

        def fill(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO t (b) VALUES (zeroblob(1000000))")

        await writer.run(lambda db: db.execute("PRAGMA max_page_count=20").fetchall())
        for _ in range(2):
            with pytest.raises(StoreError, match="f: database or disk is full"):
                await writer.run(fill)
        await writer.run(lambda db: db.execute("PRAGMA max_page_count=10000").fetchall())
        await writer.run(fill)


async def test_no_more_than_a_bound_waits_and_who_gives_up_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    async with Writer(tmp_path / "f", SCHEMA) as writer, asyncio.TaskGroup() as tasks:
        first, second, third = (tasks.create_task(writer.run(add(n))) for n in range(3))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await writer.run(add(9))
        second.cancel()
        assert await third == 2
        assert first.done()
        assert await writer.run(numbers) == [0, 1, 2]


async def test_no_file_can_be_had(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        async with Writer(tmp_path / "none" / "f", SCHEMA):
            pass
