"""What is remembered goes to memory and back, whole or not at all."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from viscript.store.file import connect
from viscript.store.refuge import bring_back, copy_of, copy_of_closed

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS a (k INTEGER PRIMARY KEY, v BLOB);"
    "CREATE TABLE IF NOT EXISTS b (k TEXT PRIMARY KEY) WITHOUT ROWID;"
)


def keys(db: sqlite3.Connection) -> list[int]:
    return [key for (key,) in db.execute("SELECT k FROM a ORDER BY k")]


def test_it_goes_to_memory_and_back(tmp_path: Path) -> None:
    file = connect(tmp_path / "s.db", SCHEMA)
    file.executemany("INSERT INTO a VALUES (?, x'00ff')", [(1,), (2,)])
    memory = copy_of(file)
    memory.execute("DELETE FROM a WHERE k=1")
    memory.execute("INSERT INTO a VALUES (3, 'x')")
    memory.execute("INSERT INTO b VALUES ('y')")
    bring_back(memory, file)
    assert keys(file) == [2, 3]
    assert file.execute("SELECT k FROM b").fetchall() == [("y",)]
    memory.close()
    file.close()


def test_a_file_without_room_stays_as_it_was(tmp_path: Path) -> None:
    file = connect(tmp_path / "s.db", SCHEMA)
    file.execute("INSERT INTO a VALUES (1, 'x')")
    memory = copy_of(file)
    memory.execute("INSERT INTO a VALUES (2, ?)", ("x" * 100_000,))
    file.execute("PRAGMA max_page_count=1")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        bring_back(memory, file)
    assert not file.in_transaction
    assert keys(file) == [1]
    memory.close()
    file.close()


@pytest.mark.parametrize("content", [None, b"no database"])
def test_of_a_file_that_says_nothing_an_empty_store_is_made(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "s.db").write_bytes(content)
    memory = copy_of_closed(tmp_path / "s.db", SCHEMA)
    assert keys(memory) == []
    memory.close()


def test_a_file_is_read_without_being_opened_for_writing(tmp_path: Path) -> None:
    file = connect(tmp_path / "s.db", SCHEMA)
    file.execute("INSERT INTO a VALUES (1, 'x')")
    file.close()
    memory = copy_of_closed(tmp_path / "s.db", SCHEMA)
    assert keys(memory) == [1]
    memory.close()
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


def test_what_a_killed_daemon_had_committed_is_read_from_the_wal_too(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    file = connect(tmp_path / "s.db", SCHEMA)
    file.execute("INSERT INTO a VALUES (1, 'x')")
    for name in ("s.db", "s.db-wal"):  # and not the index, for which there is no room
        shutil.copy(tmp_path / name, left / name)
    memory = copy_of_closed(left / "s.db", SCHEMA)
    assert keys(memory) == [1]
    memory.close()
    file.close()


def test_of_a_file_that_may_not_be_written_the_last_checkpoint_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = connect(tmp_path / "s.db", SCHEMA)
    file.execute("INSERT INTO a VALUES (1, 'x')")
    file.close()
    real = sqlite3.connect

    def refuse(where: str, **how: Any) -> Any:  # Any: as it was called
        if "mode=rw" in where:
            raise sqlite3.OperationalError("unable to open database file")
        return real(where, **how)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    memory = copy_of_closed(tmp_path / "s.db", SCHEMA)
    assert keys(memory) == [1]
    memory.close()
