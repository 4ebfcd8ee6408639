"""The store's file: opened, made, put aside when it is damaged; and whether its disk has room."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sqlite3
from pathlib import Path
from typing import Final

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_TRIAL_BYTES: Final = 4096

CACHE_KIB: Final = 256  # of pages; SQLite would take 2 MB, and nothing here is read twice


class Damaged(sqlite3.DatabaseError):
    """The file can be opened and is broken inside."""


def connect(path: Path, schema: str) -> sqlite3.Connection:
    """The open file with its tables. Raises sqlite3.Error, OSError or `Damaged`."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.executescript(schema)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Damaged(verdict)
    except BaseException:
        connection.close()
        raise
    return connection


def is_damage(exc: Exception) -> bool:
    """Whether the file itself is broken."""
    return isinstance(exc, Damaged) or _code(exc) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_want_of_room(exc: Exception, path: Path) -> bool:
    """Whether an operation failed since the disk is full: SQLite does not always say so itself."""
    if isinstance(exc, OSError):
        return exc.errno in _FULL
    if _code(exc) == sqlite3.SQLITE_FULL:
        return True
    return _code(exc) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and not has_room(path.parent)


def has_room(folder: Path) -> bool:
    """Whether a small file can be written there; true also when something else forbids it."""
    trial = folder / f".room.{os.getpid()}"
    try:
        trial.write_bytes(bytes(_TRIAL_BYTES))
    except OSError as exc:
        return exc.errno not in _FULL
    finally:
        with contextlib.suppress(OSError):
            trial.unlink()
    return True


def put_aside(path: Path) -> Path:
    """Rename the file and what belongs to it; the first free name."""
    numbers = itertools.count(1)
    aside = next(p for n in numbers if not (p := path.with_name(f"{path.name}.damaged-{n}")).exists())
    for part in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + part).rename(aside.with_name(aside.name + part))
    return aside


def _code(exc: Exception) -> int:
    """SQLite's own code, without its extended part."""
    return int(getattr(exc, "sqlite_errorcode", 0)) & 0xFF
