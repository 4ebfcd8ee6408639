"""The rows on disk: one SQLite file (WAL, every commit synced), used by one thread and one process.

A commit that was answered survives a crash of the host. A full disk, or one that fails, refuses the commit
with `StoreError` and nothing is changed; the next one is tried again. A damaged file is put aside, and
another begun: all that it held comes back within a lease.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from components.mesh.errors import WireError, WorldError
from components.node_manager.ledger import Change, decode, encode

log = logging.getLogger(__name__)

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS rows (
    kind TEXT NOT NULL, key TEXT NOT NULL, ends REAL NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
PRAGMAS: Final = ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=256")
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
T = TypeVar("T")


class StoreError(WorldError):
    """The disk did not take it, or does not give it."""


class Store:
    """Rows in a file; without one, in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._file: sqlite3.Connection | None = None

    async def open(self) -> list[Change]:
        """All rows there are, those that expire first before the others. Raises `StoreError`."""
        return await self._run(self._open)

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all of the changes, or none. Raises `StoreError`."""
        await self._run(lambda: self._commit(changes))

    async def close(self) -> None:
        """Write what is under way, and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(f"{self._path or 'memory'}: {exc}") from exc

    def _open(self) -> list[Change]:
        try:
            self._file = self._connect()
        except sqlite3.DatabaseError as exc:
            if self._path is None or getattr(exc, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
                raise
            self._put_aside(self._path, exc)
            self._file = self._connect()
        found = self._file.execute("SELECT kind, key, data FROM rows ORDER BY ends")
        return [change for row in found if (change := _read(*row)) is not None]

    def _connect(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = sqlite3.connect(
            self._path or ":memory:", isolation_level=None, check_same_thread=False, timeout=1.0
        )
        try:
            for pragma in PRAGMAS:
                file.execute(f"PRAGMA {pragma}")
            file.execute("BEGIN IMMEDIATE")
            file.execute(SCHEMA)
            file.execute("COMMIT")
            file.execute("SELECT count(*) FROM rows").fetchone()
        except BaseException:
            file.close()
            raise
        return file

    def _put_aside(self, path: Path, why: Exception) -> None:
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        log.error("%s is damaged (%s): it is put aside as %s, a new one is begun", path, why, aside.name)
        path.rename(aside)
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)

    def _commit(self, changes: Sequence[Change]) -> None:
        assert self._file is not None
        self._file.execute("BEGIN IMMEDIATE")
        try:
            for kind, key, row in changes:
                if row is None:
                    self._file.execute("DELETE FROM rows WHERE kind = ? AND key = ?", (kind, key))
                else:
                    values = (kind, key, row.ends, encode(row))
                    self._file.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", values)
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def _read(kind: str, key: str, data: bytes) -> Change | None:
    try:
        return Change(kind, key, decode(kind, data))
    except WireError as exc:
        log.warning("a stored row is left out: %s", exc)
        return None
