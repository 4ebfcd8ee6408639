"""One thread owns the SQLite connection; what queues up meanwhile is committed together.

WAL with synchronous=FULL: a commit that was reported survives a crash of the host. Writes
that wait in the queue share one commit, so a burst of a thousand starts costs a few syncs.
"""

import asyncio
import contextlib
import itertools
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from viscript.errors import ViscriptError

log = logging.getLogger(__name__)

QUEUE_LIMIT: Final = 50_000
BATCH_LIMIT: Final = 1_000

Operation = Callable[[sqlite3.Connection], Any]  # Any: whatever the operation answers
Done = Callable[[Any, BaseException | None], None]  # Any: as above
_Job = tuple[Operation, Done]


class StoreError(ViscriptError):
    """The store could not do it: disk full, file damaged, queue full."""


class Damaged(sqlite3.DatabaseError):
    """The file can be opened and is broken inside."""


class Writer:
    """Runs operations on the connection, in order, in batches."""

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._jobs: queue.Queue[_Job | None] = queue.Queue(QUEUE_LIMIT)
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._ready = threading.Event()
        self._fault: Exception | None = None
        self._aside: Path | None = None

    def open(self) -> Path | None:
        """Open the file and make the tables. Raises `StoreError`.

        A damaged file is put aside and another begun: a home must come up. Where it was put, if so.
        """
        self._thread.start()
        self._ready.wait()
        if self._fault is not None:
            raise StoreError(f"{self._path}: {self._fault}") from self._fault
        return self._aside

    def close(self) -> None:
        """Carry out what is queued, then close the file."""
        self._jobs.put(None)
        self._thread.join()

    def post(self, operation: Operation, done: Done) -> None:
        """Queue an operation; `done(answer, error)` is called in the store's thread after the commit."""
        try:
            self._jobs.put_nowait((operation, done))
        except queue.Full as exc:
            raise StoreError(f"{self._path}: {QUEUE_LIMIT} writes are waiting; is the disk stuck?") from exc

    async def run(self, operation: Operation) -> Any:  # Any: the operation's answer
        """Queue an operation and wait until it is committed. Raises `StoreError`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def done(answer: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(_settle, future, answer, error)

        self.post(operation, done)
        try:
            return await future
        except sqlite3.Error as exc:
            raise StoreError(f"{self._path}: {exc}") from exc

    def _run(self) -> None:
        try:
            connection = self._connect()
        except (sqlite3.Error, OSError) as exc:
            self._fault = exc
            self._ready.set()
            return
        self._ready.set()
        try:
            while self._turn(connection):
                continue
        finally:
            connection.close()

    def _turn(self, connection: sqlite3.Connection) -> bool:
        """Wait for work, do all there is, let go of it; whether to go on."""
        job = self._jobs.get()
        if job is None:
            return False
        batch, last = self._gather(job)
        _commit(connection, batch)
        return not last

    def _connect(self) -> sqlite3.Connection:
        try:
            return _connect(self._path, self._schema)
        except sqlite3.DatabaseError as exc:
            if not _is_damage(exc):
                raise
            log.error("%s is damaged (%s): it is put aside, a new one is begun", self._path, exc)
        self._aside = _put_aside(self._path)
        return _connect(self._path, self._schema)

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < BATCH_LIMIT:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False


def _connect(path: Path, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(schema)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Damaged(verdict)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_damage(exc: sqlite3.DatabaseError) -> bool:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # without the extended part
    return isinstance(exc, Damaged) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _put_aside(path: Path) -> Path:
    """Rename the file and what belongs to it; the first free name."""
    numbers = itertools.count(1)
    aside = next(p for n in numbers if not (p := path.with_name(f"{path.name}.damaged-{n}")).exists())
    for part in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + part).rename(aside.with_name(aside.name + part))
    return aside


def _commit(connection: sqlite3.Connection, batch: list[_Job]) -> None:
    """One transaction for all; an operation that fails is undone alone."""
    answers: list[tuple[Any, BaseException | None]] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for operation, _ in batch:
            answers.append(_attempt(connection, operation))
        connection.execute("COMMIT")
    except sqlite3.Error as exc:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        answers = [(None, exc)] * len(batch)
    for (_, done), (answer, error) in zip(batch, answers, strict=True):
        try:
            done(answer, error)
        except Exception:  # who asked is gone, its loop closed: the store serves the others
            log.exception("nobody took the answer of a write")


def _attempt(connection: sqlite3.Connection, operation: Operation) -> tuple[Any, BaseException | None]:
    connection.execute("SAVEPOINT one")
    try:
        answer = operation(connection)
    except Exception as exc:  # noqa: BLE001 (the caller's operation failed: its writes alone are undone)
        connection.execute("ROLLBACK TO one")
        return None, exc
    finally:
        connection.execute("RELEASE one")
    return answer, None


def _settle(future: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
