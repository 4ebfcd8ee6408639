"""What a host remembers over a restart of the daemon: ids, instances, events, single values."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from viscript.events import Event
from viscript.store.writer import Operation, StoreError, Writer
from viscript.supervisor.api import Exit

log = logging.getLogger(__name__)

T = TypeVar("T")
Row = tuple[int, float | None, bytes]  # of `instance`: id, when it ended, its record

ENDED_KEPT: Final = 1_000
EVENTS_KEPT: Final = 10_000
CURSOR_BLOCK: Final = 1_000
GATHER_SECONDS: Final = 0.05  # between two writes of what was noted in a burst

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS value (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS instance (seq INTEGER PRIMARY KEY, ended REAL, record BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS event (cursor INTEGER PRIMARY KEY, event BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS record (
    kind TEXT NOT NULL, slot BLOB NOT NULL, record BLOB NOT NULL, PRIMARY KEY (kind, slot)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, record BLOB NOT NULL);
"""


class InstanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `instance`: enough to show it, and to start it again."""

    seq: int
    generation: int
    name: str
    app: str
    phase: str
    since: float
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    enabled: bool = True
    configured: bool = False  # started with the daemon, from the configuration's own arguments
    restarts: int = 0
    reason: str = ""
    cause: str = ""
    last_exit: Exit | None = None
    ended: float | None = None
    entry: bytes = b""  # msgpack of the AppEntry it was started from
    moved_from: str | None = None
    bearer: str = ""  # who has joined over tcp with the token of this launch
    next_run: float | None = None  # by its schedule
    owed: int = 0  # the generation of a run that is due and has not begun
    begun_for: str = ""


_instance_encoder = msgspec.msgpack.Encoder()
_instance_decoder = msgspec.msgpack.Decoder(InstanceRecord)
_event_decoder = msgspec.msgpack.Decoder(Event)


class Memory:
    """Typed access to the store. Reads happen at start; later everything is a write."""

    def __init__(self, path: Path) -> None:
        self._writer = Writer(path, SCHEMA)
        self._noted: dict[int, InstanceRecord] = {}  # and not written yet: the newest of each id
        self._write_at = 0.0  # when the next of them may be written

    def open(self) -> Path | None:
        """Open or make the file. Raises `StoreError`. Where a damaged one was put aside, if there was one."""
        return self._writer.open()

    def hear_of_room(self, told: Callable[[str], None]) -> str:
        """Have `told` called when the disk is full (why), and when it has room again (empty).

        It is called in another thread. The answer is how it stands.
        """
        self._writer.room = told
        return self._writer.full

    def close(self) -> None:
        """Write what is queued and close."""
        self._write_noted()
        self._writer.close()

    async def next_epoch(self) -> int:
        """A number no earlier daemon of this home had."""
        return int(await self._run(_raise_epoch))

    async def set_epoch(self, epoch: int) -> None:
        """Count daemons from there on; durable when this returns, unless the disk is full."""
        await self._run(lambda db: _set_number(db, "epoch", epoch))

    async def next_seq(self) -> int:
        """The first sequence id that was never given out, as far as the store knows."""
        return int(await self._run(lambda db: _number(db, "next_seq", 1)))

    async def instances(self) -> list[InstanceRecord]:
        """Every instance that is remembered, by id."""
        rows = await self._run(lambda db: db.execute("SELECT record FROM instance ORDER BY seq").fetchall())
        return _readable(_instance_decoder, rows)

    async def keep(self, record: InstanceRecord) -> None:
        """Remember one instance, and that its id is taken; durable when this returns."""
        await self._run(lambda db: _keep(db, [_row(record)]), durable=True)

    def note(self, record: InstanceRecord, *, at_once: bool = False) -> None:
        """Remember one instance soon; a failure is logged, the app is not held up.

        After a quiet moment it is written at the end of this turn of the loop; what a burst notes is
        gathered, since a thousand starts change three thousand states in a second. `at_once` is for what a
        daemon killed the next moment must not forget.
        """
        if not self._noted:
            loop = asyncio.get_running_loop()
            loop.call_at(max(self._write_at, loop.time()), self._write_noted)
        self._noted[record.seq] = record
        if at_once:
            self._write_noted()

    def _write_noted(self) -> None:
        if not self._noted:
            return
        self._write_at = time.monotonic() + GATHER_SECONDS
        noted, self._noted = self._noted.values(), {}
        rows = [row for record in noted if (row := _row_or_none(record)) is not None]
        if rows:
            self._enqueue(lambda db: _keep(db, rows))

    def forget(self, seqs: Iterable[int]) -> None:
        """Drop instances from the memory."""
        gone = [(seq,) for seq in seqs]
        self._post(lambda db: db.executemany("DELETE FROM instance WHERE seq=?", gone))

    async def events(self) -> tuple[list[Event], int]:
        """The kept events, and the first cursor that was never used."""
        rows = await self._run(lambda db: db.execute("SELECT event FROM event ORDER BY cursor").fetchall())
        kept = _readable(_event_decoder, rows)
        reserved = int(await self._run(lambda db: _number(db, "cursor", 0)))
        last = kept[-1].cursor if kept else 0
        return kept, max(reserved, last) + 1

    def note_events(self, events: list[Event]) -> None:
        """Remember events soon; the oldest beyond the bound are dropped."""
        self._post(lambda db: _keep_events(db, events))

    async def number(self, key: str) -> int | None:
        """The number under that key."""
        text = await self.value(key)
        return None if text is None else int(text)

    async def new_boot(self) -> bool:
        """Whether the host was started anew since the last time this was asked."""
        now = boot_id().encode()
        before = await self.value("boot")
        await self.set_value("boot", now)
        return before is not None and before != now

    def note_value(self, key: str, value: bytes) -> None:
        """Remember one value soon."""
        self._post(lambda db: db.execute("REPLACE INTO value VALUES (?, ?)", (key, value)))

    async def set_value(self, key: str, value: bytes) -> None:
        """Remember one value; durable when this returns, unless the disk is full."""
        await self._run(lambda db: db.execute("REPLACE INTO value VALUES (?, ?)", (key, value)))

    async def value(self, key: str) -> bytes | None:
        """The value under that key."""
        row = await self._run(lambda db: db.execute("SELECT value FROM value WHERE key=?", (key,)).fetchone())
        return None if row is None else bytes(row[0])

    async def forget_value(self, key: str) -> None:
        """Drop one value."""
        await self._run(lambda db: db.execute("DELETE FROM value WHERE key=?", (key,)))

    async def records(self, kind: str) -> dict[bytes, bytes]:
        """The signed records of that kind, by slot."""
        rows = await self._run(
            lambda db: db.execute("SELECT slot, record FROM record WHERE kind=?", (kind,)).fetchall()
        )
        return {bytes(slot): bytes(record) for slot, record in rows}

    async def change_records(
        self, kind: str, put: Mapping[bytes, bytes], drop: Collection[bytes] = ()
    ) -> None:
        """Set some records of a kind and drop others, all or none."""

        def change(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM record WHERE kind=? AND slot=?", [(kind, slot) for slot in drop])
            db.executemany("REPLACE INTO record VALUES (?, ?, ?)", [(kind, *pair) for pair in put.items()])

        await self._run(change)

    async def run(self, operation: Operation) -> Any:  # Any: the operation's answer
        """Do something with a table of the caller's own; on the disk when this returns, unless that is full.

        Raises `StoreError`.
        """
        return await self._run(operation)

    def post(self, operation: Operation) -> None:
        """The same soon; a failure is logged."""
        self._post(operation)

    async def _run(
        self, operation: Operation, *, durable: bool = False
    ) -> Any:  # Any: the operation's answer
        self._write_noted()  # what was noted before comes before
        return await self._writer.run(operation, durable=durable)

    def _post(self, operation: Operation) -> None:
        self._write_noted()
        self._enqueue(operation)

    def _enqueue(self, operation: Operation) -> None:
        try:
            self._writer.post(operation, _log_failure)
        except StoreError as exc:
            log.error("not remembered: %s", exc)


def boot_id() -> str:
    """What tells one start of the host from another; empty where the system has no such id."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _readable(decoder: msgspec.msgpack.Decoder[T], rows: Iterable[tuple[bytes]]) -> list[T]:
    """What the rows hold; one that another version wrote otherwise is passed over, and said so."""
    found = []
    for (row,) in rows:
        try:
            found.append(decoder.decode(row))
        except msgspec.MsgspecError as exc:
            log.error("a row of the store is not understood: %s", exc)
    return found


def _log_failure(_answer: object, error: BaseException | None) -> None:
    if error is not None:
        log.error("not remembered: %s", error)


def _number(db: sqlite3.Connection, key: str, default: int) -> int:
    row = db.execute("SELECT value FROM value WHERE key=?", (key,)).fetchone()
    return default if row is None else int(row[0])


def _set_number(db: sqlite3.Connection, key: str, number: int) -> None:
    db.execute("REPLACE INTO value VALUES (?, ?)", (key, str(number).encode()))


def _raise_epoch(db: sqlite3.Connection) -> int:
    epoch = _number(db, "epoch", 0) + 1
    _set_number(db, "epoch", epoch)
    return epoch


def _row(record: InstanceRecord) -> Row:
    return record.seq, record.ended, _instance_encoder.encode(record)


def _row_or_none(record: InstanceRecord) -> Row | None:
    """What cannot be written spoils no other record."""
    try:
        return _row(record)
    except ValueError as exc:  # text that is no Unicode, in the arguments of an app
        log.error("seq=%d is not remembered: %s", record.seq, exc)
        return None


def _keep(db: sqlite3.Connection, rows: list[Row]) -> None:
    db.executemany("REPLACE INTO instance VALUES (?, ?, ?)", rows)
    newest = max(row[0] for row in rows)
    if newest >= _number(db, "next_seq", 1):
        _set_number(db, "next_seq", newest + 1)


def _keep_events(db: sqlite3.Connection, events: list[Event]) -> None:
    db.executemany(
        "REPLACE INTO event VALUES (?, ?)", [(e.cursor, _instance_encoder.encode(e)) for e in events]
    )
    newest = events[-1].cursor
    db.execute("DELETE FROM event WHERE cursor <= ?", (newest - EVENTS_KEPT,))
    if newest + CURSOR_BLOCK // 2 > _number(db, "cursor", 0):
        _set_number(db, "cursor", newest + CURSOR_BLOCK)
