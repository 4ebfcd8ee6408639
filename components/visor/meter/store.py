"""The file of a meter: `meter.db` in the visor's state. What is written is on the disk.

`run` tells whether the last process ended in order: if not, figures of its last moments are missing.

Old days are forgotten at the start, but no clock is trusted with that alone: a day is old when it is that by
this clock and by the newest receipt, which another node signed for by its own. Without receipts, the newest
days that have figures stay.

A damaged file is put aside and another begun: a visor must come up.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from components.mesh.writer import StoreError, Writer
from components.visor.meter.limits import KEEP_DAYS
from components.visor.meter.receipt import LAST_DAY, Signed, day_of, unpack
from components.visor.meter.sums import Entry, Line
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

FILE: Final = "meter.db"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS moved (
    day INTEGER, peer BLOB, port INTEGER, dialled INTEGER, app TEXT,
    sent INTEGER NOT NULL, received INTEGER NOT NULL, restored INTEGER NOT NULL,
    PRIMARY KEY (day, peer, port, dialled, app)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
    day INTEGER, peer BLOB, port INTEGER, dialled INTEGER,
    receipt BLOB NOT NULL, by_dialler BLOB NOT NULL, by_dialled BLOB NOT NULL,
    PRIMARY KEY (day, peer, port, dialled)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run (one INTEGER PRIMARY KEY CHECK (one = 1), clean INTEGER NOT NULL);
"""
_ADD: Final = (
    "INSERT INTO moved VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, peer, port, dialled, app)"
    " DO UPDATE SET sent = excluded.sent, received = excluded.received, restored = excluded.restored"
)
_SIGN: Final = "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?)"
_RUN: Final = "INSERT OR REPLACE INTO run VALUES (1, ?)"
_MOVED: Final = "SELECT * FROM moved WHERE day BETWEEN ? AND ? ORDER BY day, peer, port, dialled, app"
_RECEIPTS: Final = "SELECT * FROM receipts WHERE day BETWEEN ? AND ? ORDER BY day, peer, port, dialled"
_FIRST_USED: Final = (  # of the newest days with figures
    "SELECT day FROM (SELECT DISTINCT day FROM moved UNION SELECT DISTINCT day FROM receipts)"
    " ORDER BY day DESC LIMIT 1 OFFSET ?"
)
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Kept(NamedTuple):
    """A receipt as it lies in the file; nothing of it is known to be true."""

    day: int
    line: Line
    receipt: bytes
    by_dialler: bytes
    by_dialled: bytes

    @property
    def signed(self) -> Signed:
        """As a receipt. Raises `WireError`."""
        return Signed(unpack(self.receipt), self.by_dialler, self.by_dialled)


class Store:
    """The file, opened by `async with`. All that it does raises `StoreError`."""

    def __init__(self, folder: Path, wall: Callable[[], float] = time.time) -> None:
        self._path = folder / FILE
        self._wall = wall
        self._stack = AsyncExitStack()
        self.was_killed = False

    async def __aenter__(self) -> Self:
        try:
            self._writer = await self._stack.enter_async_context(Writer(self._path, _SCHEMA))
        except StoreError as exc:
            if getattr(exc.__cause__, "sqlite_errorcode", None) not in _DAMAGE:
                raise
            log.error("metering: %s: put aside, another file is begun", exc)
            _put_aside(self._path)
            self._writer = await self._stack.enter_async_context(Writer(self._path, _SCHEMA))
        self.was_killed = await self._writer.run(lambda db: _begun(db, day_of(self._wall())))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def write(
        self, entries: Sequence[Entry], signed: Sequence[tuple[int, Line, Signed]] = (), *, last: bool = False
    ) -> None:
        """Keep figures and receipts: all of it, or nothing."""
        moved = [(entry.day, *entry.line, *entry[2:]) for entry in entries]
        receipts = [
            (day, *line, one.receipt.pack(), one.by_dialler, one.by_dialled) for day, line, one in signed
        ]

        def work(db: sqlite3.Connection) -> None:
            db.executemany(_ADD, moved)
            db.executemany(_SIGN, receipts)
            if last:
                db.execute(_RUN, (1,))

        await self._writer.run(work)

    async def moved(self, since: int = 0, until: int = LAST_DAY) -> list[Entry]:
        """All figures from one day to another, the oldest first."""
        rows = await self._all(_MOVED, since, until)
        return [Entry(row[0], _line(row), *row[4:]) for row in rows]

    async def receipts(self, since: int = 0, until: int = LAST_DAY) -> list[Kept]:
        """All receipts from one day to another."""
        rows = await self._all(_RECEIPTS, since, until)
        return [Kept(row[0], _line(row), *row[4:]) for row in rows]

    async def _all(
        self, statement: str, since: int, until: int
    ) -> list[tuple[Any, ...]]:  # Any: columns of several types
        return await self._writer.run(lambda db: db.execute(statement, (since, until)).fetchall())


def _begun(db: sqlite3.Connection, today: int) -> bool:
    """This process runs: whether the one before was killed."""
    clean = db.execute("SELECT clean FROM run").fetchone()
    db.execute(_RUN, (0,))
    first = _first_kept(db, today)
    for table in ("moved", "receipts"):
        db.execute(f"DELETE FROM {table} WHERE day < ?", (first,))  # noqa: S608 - names of ours
    return clean is not None and not clean[0]


def _first_kept(db: sqlite3.Connection, today: int) -> int:
    """The days before this one are old."""
    (signed,) = db.execute("SELECT max(day) FROM receipts").fetchone()
    used = db.execute(_FIRST_USED, (KEEP_DAYS,)).fetchone()
    return max(0 if signed is None else min(today, signed) - KEEP_DAYS, used[0] if used else 0)


def _line(row: Iterable[Any]) -> Line:  # Any: as above
    _, peer, port, dialled, *_ = row
    return Line(PublicKey(peer), port, dialled=bool(dialled))


def _put_aside(path: Path) -> None:
    """Move a damaged file away, and with it the log that belongs to it."""
    if path.exists():
        path.replace(path.with_suffix(".damaged"))
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
