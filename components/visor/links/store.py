"""What outlives the visor: persistent transports, and bytes by transport and UTC day. One SQLite file.

One thread owns the connection, so that the loop never waits for a disk. WAL with synchronous=FULL: what was
answered survives a crash of the host. A damaged file is put aside and another begun: a visor must come up.
"""

import asyncio
import logging
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

from components.mesh.errors import WorldError
from components.mesh.transport import TransportType
from components.visor.links.limits import KEEP_DAYS
from components.visor.links.meter import Moved
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

FILE: Final = "transports.db"
BUSY_S: Final = 5.0
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS wanted (
    id TEXT PRIMARY KEY, peer BLOB NOT NULL, type TEXT NOT NULL, address TEXT
);
CREATE TABLE IF NOT EXISTS moved (
    day TEXT NOT NULL, id TEXT NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL,
    PRIMARY KEY (day, id)
) WITHOUT ROWID;
"""
_KEEP: Final = (
    "INSERT INTO wanted VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET address = excluded.address"
)
_ADD: Final = (
    "INSERT INTO moved VALUES (?, ?, ?, ?) ON CONFLICT (day, id)"
    " DO UPDATE SET sent = sent + excluded.sent, received = received + excluded.received"
)
_MOVED: Final = "SELECT day, id, sent, received FROM moved ORDER BY day, id"
_WANTED: Final = "SELECT id, peer, type, address FROM wanted ORDER BY rowid"

T = TypeVar("T")


class StoreError(WorldError):
    """The file of transports cannot be read or written: the disk is full, or not ours."""


class Kept(NamedTuple):
    """A transport that is wanted again after a restart."""

    id: uuid.UUID
    peer: PublicKey
    type: TransportType
    address: str | None


class Store:
    """The file, opened by `async with`."""

    def __init__(self, folder: Path | None) -> None:
        """Without a folder, everything is forgotten at the end."""
        self._path = None if folder is None else folder / FILE
        self._thread = ThreadPoolExecutor(1, "transports")
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        """Raises `StoreError`."""
        try:
            await self._run(self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._run(self._close)
        finally:
            self._thread.shutdown()

    async def wanted(self) -> list[Kept]:
        """All persistent transports. Raises `StoreError`."""
        rows = await self._run(lambda: self._all(_WANTED))
        return [
            Kept(uuid.UUID(id), PublicKey(peer), TransportType(type), address)
            for id, peer, type, address in rows
        ]

    async def keep(self, kept: Kept) -> None:
        """Remember a persistent transport. Raises `StoreError`."""
        await self._write(_KEEP, [(str(kept.id), bytes(kept.peer), kept.type.value, kept.address)])

    async def forget(self, id: uuid.UUID) -> None:
        """It is not persistent any more. Raises `StoreError`."""
        await self._write("DELETE FROM wanted WHERE id = ?", [(str(id),)])

    async def add_bytes(self, rows: Iterable[Moved]) -> None:
        """Add what was moved to the days' sums: all of it, or nothing. Raises `StoreError`."""
        await self._write(_ADD, [(day, str(id), sent, received) for day, id, sent, received in rows])

    async def moved(self) -> list[Moved]:
        """The log of bytes, the oldest day first. Raises `StoreError`."""
        rows = await self._run(
            lambda: self._all("SELECT day, id, sent, received FROM moved ORDER BY day, id")
        )
        return [Moved(day, uuid.UUID(id), sent, received) for day, id, sent, received in rows]

    async def _write(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        await self._run(lambda: self._execute(statement, rows))

    async def _run(self, operation: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, operation)
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(f"{self._path or 'transports'}: {exc}") from exc

    # -- in the thread

    @property
    def _file(self) -> sqlite3.Connection:
        assert self._connection is not None  # between `__aenter__` and `__aexit__`
        return self._connection

    def _open(self) -> None:
        try:
            self._connection = _connected(self._path)
        except sqlite3.DatabaseError as exc:
            code = getattr(exc, "sqlite_errorcode", None)
            if self._path is None or code not in _DAMAGE:
                raise
            aside = self._path.with_suffix(".damaged")
            log.error(
                "path=%s is damaged (%s): put aside as %s, another is begun", self._path, exc, aside.name
            )
            _put_aside(self._path, aside)
            self._connection = _connected(self._path)

    def _close(self) -> None:
        self._file.close()

    def _all(self, statement: str) -> list[tuple[Any, ...]]:  # Any: columns have types of their own
        return self._file.execute(statement).fetchall()

    def _execute(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        with self._file:
            self._file.executemany(statement, rows)


def _connected(path: Path | None) -> sqlite3.Connection:
    """The open file with its tables. Raises `sqlite3.Error`."""
    connection = sqlite3.connect(path or ":memory:", timeout=BUSY_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL").close()
        connection.execute("PRAGMA synchronous=FULL").close()
        connection.executescript(_SCHEMA)
        with connection:
            connection.execute("DELETE FROM moved WHERE day < date('now', ?)", (f"-{KEEP_DAYS} days",))
    except BaseException:
        connection.close()
        raise
    return connection


def _put_aside(path: Path, aside: Path) -> None:
    """Move a damaged file away, and with it the log that belongs to it."""
    path.replace(aside)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
