"""One thread that owns a SQLite file. What waits while it works is committed together.

    async with Writer(path, SCHEMA) as writer:
        count = await writer.run(lambda db: add(db, letter))

Work is a function of the connection and changes nothing else, because it may run a second time: when one of a
batch fails, the batch is undone and each runs alone. Once `run` has returned, the change is on the disk.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

from components.mesh.errors import Busy, Gone, WorldError

MAX_WAITING: Final = 1024
MAX_BATCH: Final = 64
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class StoreError(WorldError):
    """The file cannot be read or written."""


class _Waiting(NamedTuple):
    work: Work[Any]  # Any: each its own
    result: asyncio.Future[Any]


class Writer:
    """Runs work on a SQLite file, in order. Entering raises `StoreError` when the file cannot be had."""

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._waiting: deque[_Waiting] = deque()
        self._busy = False
        self._closed = True
        self._idle = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"writer-{path.name}")
        self._db: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        except sqlite3.Error as exc:
            self._thread.shutdown(wait=False)
            raise StoreError(f"{self._path}: {exc}") from exc
        self._closed = False
        self._idle.set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what was begun, and close the file."""
        self._closed = True
        await self._idle.wait()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    async def run(self, work: Work[T]) -> T:
        """What `work` returns, committed. Raises `StoreError`, `Busy`, `Gone`, or what `work` raises."""
        if self._closed:
            raise Gone(f"{self._path.name} is closed")
        if len(self._waiting) >= MAX_WAITING:
            raise Busy(f"writes to {self._path.name}", MAX_WAITING)
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, result))
        if not self._busy:
            self._start()
        return await result

    def _start(self) -> None:
        """Give the thread the next batch."""
        loop = asyncio.get_running_loop()
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        self._busy = True
        self._idle.clear()
        done = loop.run_in_executor(self._thread, self._commit, [each.work for each in batch])
        done.add_done_callback(lambda outcome: self._finished(batch, outcome.result()))

    def _finished(self, batch: list[_Waiting], outcomes: list[Any]) -> None:
        for each, outcome in zip(batch, outcomes, strict=True):
            if each.result.done():
                continue
            if isinstance(outcome, BaseException):
                each.result.set_exception(outcome)
            else:
                each.result.set_result(outcome)
        self._busy = False
        if self._waiting:
            self._start()
        else:
            self._idle.set()

    # In the thread.

    def _open(self) -> None:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        for pragma in _PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(self._schema)

    def _close(self) -> None:
        assert self._db is not None
        self._db.close()

    def _commit(self, works: list[Work[Any]]) -> list[Any]:  # Any: results, or what was raised
        try:
            return self._together(works)
        except Exception as exc:  # noqa: BLE001 - of any kind: each is told its own
            return [self._translated(exc)] if len(works) == 1 else [self._commit([work])[0] for work in works]

    def _together(self, works: list[Work[Any]]) -> list[Any]:
        assert self._db is not None
        self._db.execute("BEGIN IMMEDIATE")
        try:
            results = [work(self._db) for work in works]
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk ends it by itself
                self._db.execute("ROLLBACK")
            raise
        return results

    def _translated(self, exc: Exception) -> Exception:
        return StoreError(f"{self._path.name}: {exc}") if isinstance(exc, sqlite3.Error) else exc
