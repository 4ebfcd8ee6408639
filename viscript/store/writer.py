"""One thread owns the SQLite connection; what queues up meanwhile is committed together.

WAL with synchronous=FULL: a commit that was reported survives a crash of the host. Writes
that wait in the queue share one commit, so a burst of a thousand starts costs a few syncs.

While the disk is full, what is remembered is kept in memory: reads and notes go on there, and what must be
durable is refused. As soon as there is room all of it is written at once. `room` hears of both.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from viscript.errors import ViscriptError
from viscript.store.file import connect, is_damage, is_want_of_room, put_aside
from viscript.store.refuge import bring_back, copy_of, copy_of_closed

log = logging.getLogger(__name__)

QUEUE_LIMIT: Final = 50_000
BATCH_LIMIT: Final = 1_000
RETRY_SECONDS: Final = 1.0  # between two looks whether a full disk has room again

Operation = Callable[[sqlite3.Connection], Any]  # Any: whatever the operation answers
Done = Callable[[Any, BaseException | None], None]


class _Job(NamedTuple):
    """One operation, who hears of it, and whether it must be on the disk then."""

    operation: Operation
    done: Done
    durable: bool


class StoreError(ViscriptError):
    """The store could not do it: disk full, file damaged, queue full."""


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
        self._file: sqlite3.Connection | None = None
        self._refuge: sqlite3.Connection | None = None  # used while the disk is full
        self._looked = 0.0
        self.full = ""  # why the contents are in memory only; empty when they are in the file
        self.room: Callable[[str], None] = lambda full: None  # called in the store's thread

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

    def post(self, operation: Operation, done: Done, *, durable: bool = False) -> None:
        """Queue an operation; `done(answer, error)` is called in the store's thread after the commit."""
        try:
            self._jobs.put_nowait(_Job(operation, done, durable))
        except queue.Full as exc:
            raise StoreError(f"{self._path}: {QUEUE_LIMIT} writes are waiting; is the disk stuck?") from exc

    async def run(self, operation: Operation, *, durable: bool = True) -> Any:  # Any: the operation's answer
        """Queue an operation and wait until it is committed. Raises `StoreError`.

        One that need not be durable is carried out also while the disk is full.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def done(answer: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(_settle, future, answer, error)

        self.post(operation, done, durable=durable)
        try:
            return await future
        except sqlite3.Error as exc:
            raise StoreError(f"{self._path}: {exc}") from exc

    def _run(self) -> None:
        try:
            self._open()
        except (sqlite3.Error, OSError) as exc:
            self._fault = exc
            return
        finally:
            self._ready.set()
        try:
            while self._turn():
                continue
        finally:
            self._look_for_room()
            for connection in (self._file, self._refuge):
                if connection is not None:
                    connection.close()

    def _open(self) -> None:
        try:
            self._file = self._connect()
        except (sqlite3.Error, OSError) as exc:
            if not is_want_of_room(exc, self._path):
                raise
            self._take_refuge(exc)

    def _connect(self) -> sqlite3.Connection:
        try:
            return connect(self._path, self._schema)
        except sqlite3.DatabaseError as exc:
            if not is_damage(exc):
                raise
            log.error("%s is damaged (%s): it is put aside, a new one is begun", self._path, exc)
        self._aside = put_aside(self._path)
        return connect(self._path, self._schema)

    def _turn(self) -> bool:
        """One batch, or a look whether there is room again; false at the end."""
        try:
            job = self._jobs.get(timeout=RETRY_SECONDS if self.full else None)
        except queue.Empty:
            self._look_for_room()
            return True
        if job is None:
            return False
        batch, last = self._gather(job)
        self._carry_out(batch)
        return not last

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

    def _carry_out(self, batch: list[_Job]) -> None:
        impatient = any(job.durable for job in batch)
        if self.full and (impatient or time.monotonic() - self._looked > RETRY_SECONDS):
            self._look_for_room()
        if not self.full and self._file is not None:
            answers, fault = _commit(self._file, batch)
            if fault is None or not is_want_of_room(fault, self._path):
                _tell(batch, answers)
                return
            try:
                self._take_refuge(fault)
            except sqlite3.Error as exc:  # nothing can be read either: the next batch tries again
                log.error("%s: %s, and it cannot be read: %s", self._path, fault, exc)
                _tell(batch, answers)
                return
        self._carry_out_in_memory(batch)

    def _carry_out_in_memory(self, batch: list[_Job]) -> None:
        """What must be durable is refused; the rest is kept as well as can be."""
        assert self._refuge is not None
        _tell(
            [job for job in batch if job.durable], [(None, sqlite3.OperationalError(self.full))] * len(batch)
        )
        rest = [job for job in batch if not job.durable]
        answers, _ = _commit(self._refuge, rest)
        _tell(rest, answers)

    def _take_refuge(self, fault: Exception) -> None:
        """The disk is full: go on in memory, with all that the file says."""
        if self._file is not None:
            self._refuge = copy_of(self._file)
        else:
            self._refuge = copy_of_closed(self._path, self._schema)
        self.full = f"{fault}: what is remembered is in memory only, until there is room"
        self._looked = time.monotonic()
        log.error("%s: %s", self._path, self.full)
        self.room(self.full)

    def _look_for_room(self) -> None:
        """Go back to the file if it takes all that is remembered."""
        if self._refuge is None:
            return
        self._looked = time.monotonic()
        try:
            if self._file is None:
                self._file = self._connect()
            bring_back(self._refuge, self._file)
        except (sqlite3.Error, OSError) as exc:
            if not is_want_of_room(exc, self._path):  # that was said already
                log.error("%s: what is in memory is not written: %s", self._path, exc)
            return
        self._refuge.close()
        self._refuge, self.full = None, ""
        log.info("%s: there is room again, all is written", self._path)
        self.room("")


_Answers = list[tuple[Any, BaseException | None]]


def _commit(connection: sqlite3.Connection, batch: list[_Job]) -> tuple[_Answers, Exception | None]:
    """One transaction for all; an operation that fails is undone alone. What the disk refused undoes all."""
    answers: _Answers = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in batch:
            answers.append(_attempt(connection, job.operation))
        connection.execute("COMMIT")
    except sqlite3.Error as exc:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [(None, exc)] * len(batch), exc
    return answers, None


def _tell(batch: list[_Job], answers: _Answers) -> None:
    for job, (answer, error) in zip(batch, answers, strict=False):
        try:
            job.done(answer, error)
        except Exception:  # who asked is gone, its loop closed: the store serves the others
            log.exception("nobody took the answer of a write")


def _attempt(connection: sqlite3.Connection, operation: Operation) -> tuple[Any, BaseException | None]:
    """One operation, undone alone when it fails. Raises sqlite3.Error when the disk refuses."""
    connection.execute("SAVEPOINT one")
    try:
        answer = operation(connection)
    except Exception as exc:
        if _is_of_the_disk(exc):
            raise
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return None, exc  # the caller's operation failed: its writes alone are undone
    connection.execute("RELEASE one")
    return answer, None


def _is_of_the_disk(exc: Exception) -> bool:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def _settle(future: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
