"""The file of the store: opened, told broken or without room, put aside."""

import errno
import sqlite3
from pathlib import Path

import pytest

from viscript.store.file import Damaged, connect, has_room, is_damage, is_want_of_room, put_aside

SCHEMA = "CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY);"
FULL = OSError(errno.ENOSPC, "full")


def fault(code: int) -> sqlite3.Error:
    found = sqlite3.OperationalError("x")
    found.sqlite_errorcode = code
    return found


def no_room(path: Path, data: bytes) -> int:
    raise FULL


def forbidden(path: Path, data: bytes) -> int:
    raise PermissionError(errno.EACCES, "no")


def test_a_file_is_made_for_its_owner_with_its_tables(tmp_path: Path) -> None:
    connection = connect(tmp_path / "s.db", SCHEMA)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.close()
    assert (tmp_path / "s.db").stat().st_mode & 0o777 == 0o600


def test_a_broken_page_is_damage(tmp_path: Path) -> None:
    connection = connect(tmp_path / "s.db", SCHEMA)
    connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    data = bytearray((tmp_path / "s.db").read_bytes())
    data[4096:8192] = b"\xff" * 4096
    (tmp_path / "s.db").write_bytes(data)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        connect(tmp_path / "s.db", SCHEMA)
    assert is_damage(caught.value)
    assert is_damage(Damaged("x"))
    assert not is_damage(fault(sqlite3.SQLITE_FULL))


@pytest.mark.parametrize(
    "exc, wanting",
    [
        (FULL, True),
        (OSError(errno.EDQUOT, "quota"), True),
        (PermissionError(errno.EACCES, "no"), False),
        (fault(sqlite3.SQLITE_FULL), True),
        (fault(sqlite3.SQLITE_IOERR), False),
        (fault(sqlite3.SQLITE_CANTOPEN), False),
        (fault(sqlite3.SQLITE_BUSY), False),
    ],
)
def test_want_of_room_is_told_from_other_faults(tmp_path: Path, exc: Exception, wanting: bool) -> None:
    assert is_want_of_room(exc, tmp_path / "s.db") == wanting


@pytest.mark.parametrize("write, wanting", [(no_room, True), (forbidden, False)])
def test_a_fault_that_says_little_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: object, wanting: bool
) -> None:
    monkeypatch.setattr(Path, "write_bytes", write)
    assert has_room(tmp_path) != wanting
    assert is_want_of_room(fault(sqlite3.SQLITE_IOERR), tmp_path / "s.db") == wanting


def test_a_look_for_room_leaves_nothing(tmp_path: Path) -> None:
    assert has_room(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_each_that_is_put_aside_has_a_name_of_its_own(tmp_path: Path) -> None:
    for number in (1, 2):
        for part in ("", "-wal"):
            (tmp_path / f"s.db{part}").write_text(str(number))
        assert put_aside(tmp_path / "s.db").read_text() == str(number)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "s.db.damaged-1",
        "s.db.damaged-1-wal",
        "s.db.damaged-2",
        "s.db.damaged-2-wal",
    ]
