"""The embedded engine: one file of this host. Its own thread does the work; other processes may use it too.

Leases end by a clock that begins at boot and goes on while the host sleeps; those of an earlier boot have
ended. They are looked at before each operation, so nothing is ever read that should be gone. Watches look as
often as `POLL_S`, one for all, and at once behind a write of this process.

A file that is served to other hosts (`shared`) knows whose each lease is, and begins all leases anew when it
is opened: their holders could not keep them meanwhile, and go by clocks of their own.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from viscript.statestore import tables
from viscript.statestore.api import (
    TIMEOUT_S,
    Batch,
    Capabilities,
    Compare,
    Item,
    Lease,
    Member,
    Op,
    Range,
    Standing,
    Txn,
)
from viscript.statestore.checking import check_ttl, check_txn, key_bytes, prefix_bytes
from viscript.statestore.errors import StateStoreError, StoreAway, Unclear
from viscript.statestore.mounts import network_kind
from viscript.statestore.shared import Guard, TableGround, grant_to
from viscript.statestore.tables import Now
from viscript.store.memory import boot_id
from viscript.store.writer import StoreError, Writer

log = logging.getLogger(__name__)

T = TypeVar("T")
POLL_S: Final = 0.25
REVISIONS_A_SECOND: Final = 1000  # more than a store ever does


def since_boot() -> float:
    """Seconds since boot, those of sleep included where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SqliteStore:
    """Implements `StateStore`. Open it before use."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = since_boot,
        boot: Callable[[], str] = boot_id,
        shared: bool = False,
    ) -> None:
        self._path = path
        self._shared = shared
        self._clock = clock
        self._boot = boot
        self._writer = Writer(path, tables.SCHEMA)
        self._newest = -1  # as of the last look; nobody has looked yet
        self._looked = 0.0
        self._watchers: set[asyncio.Event] = set()

    async def open(self) -> Path | None:
        """Open or make the file. Raises `StoreAway`. Where a damaged one was put aside, if there was one."""
        kind = network_kind(self._path.parent)
        if kind:
            raise StoreAway(
                f"{self._path} would lie on a network file system ({kind}), where SQLite's log does not work;"
                " name a file on a disk of this host in `store:`"
            )
        try:
            aside = await asyncio.to_thread(self._writer.open)
        except StoreError as exc:
            raise StoreAway(str(exc)) from exc
        if aside is not None:  # fences must never fall, and nobody knows how far the old file had counted
            first = int(time.time()) * REVISIONS_A_SECOND
            await self._write(lambda db, _: tables.count_from(db, first), TIMEOUT_S)
        if self._shared:
            await self._begin_anew()
        return aside

    async def _begin_anew(self) -> None:
        now = Now(self._clock(), self._boot())
        try:
            await self._writer.run(lambda db: tables.begin_anew(db, now), durable=False)
        except StoreError as exc:
            raise StoreAway(str(exc)) from exc

    async def get(self, key: str, *, timeout: float = TIMEOUT_S) -> Item | None:
        """The item, or None."""
        raw = key_bytes(key)
        return await self._read(lambda db, _: tables.get(db, raw), timeout)

    async def range(self, prefix: str, *, timeout: float = TIMEOUT_S) -> Range:
        """Every item whose key begins so."""
        raw = prefix_bytes(prefix)
        return await self._read(lambda db, _: tables.listed(db, raw), timeout)

    async def txn(
        self,
        compare: Sequence[Compare],
        then: Sequence[Op],
        otherwise: Sequence[Op] = (),
        *,
        timeout: float = TIMEOUT_S,
    ) -> Txn:
        """Carry out `then` if every comparison holds, else `otherwise`."""
        check_txn(compare, then, otherwise)
        return await self._write(lambda db, _: tables.transact(db, compare, then, otherwise), timeout)

    async def guarded(
        self,
        compare: Sequence[Compare],
        then: Sequence[Op],
        otherwise: Sequence[Op],
        guard: Guard,
        *,
        timeout: float = TIMEOUT_S,
    ) -> Txn:
        """A transaction that `guard` may refuse, by what is there at that very moment."""
        check_txn(compare, then, otherwise)

        def ask(db: sqlite3.Connection, _now: Now) -> Txn:
            judge = partial(guard, TableGround(db))
            return tables.transact(db, compare, then, otherwise, guard=judge)

        return await self._write(ask, timeout)

    async def lease(self, ttl_s: int, *, timeout: float = TIMEOUT_S) -> Lease:
        """A new lease."""
        check_ttl(ttl_s)
        return await self._granted(ttl_s, tables.grant, timeout)

    async def lease_for(self, host: bytes, ttl_s: int, *, timeout: float = TIMEOUT_S) -> Lease:
        """A new lease of another host. Raises `Refused` when it has too many."""
        check_ttl(ttl_s)
        return await self._granted(ttl_s, partial(grant_to, host=host), timeout)

    async def _granted(self, ttl_s: int, grant: Callable[..., bool], timeout: float) -> Lease:
        number = secrets.randbits(62) + 1

        def ask(db: sqlite3.Connection, now: Now) -> bool:
            return grant(db, lease=number, ttl_s=ttl_s, now=now)

        if not await self._write(ask, timeout):
            raise Unclear("a lease of that number was there already")  # once in 2^62
        return Lease(number, ttl_s)

    async def owner(self, lease: int, *, timeout: float = TIMEOUT_S) -> bytes | None:
        """The host a lease was granted to, empty for this one; None when there is no such lease."""
        return await self._read(lambda db, _: TableGround(db).owner(lease), timeout)

    async def keepalive(self, lease: int, *, timeout: float = TIMEOUT_S) -> int:
        """Begin its time anew."""
        return await self._write(lambda db, now: tables.keep(db, lease, now), timeout)

    async def revoke(self, lease: int, *, timeout: float = TIMEOUT_S) -> None:
        """End it now."""
        await self._write(lambda db, _: tables.end_lease(db, lease), timeout)

    async def watch(
        self, prefix: str, from_revision: int, *, timeout: float = TIMEOUT_S
    ) -> AsyncGenerator[Batch, None]:
        """Every change from that revision on."""
        raw, at, changed = prefix_bytes(prefix), max(from_revision, 1), asyncio.Event()
        self._watchers.add(changed)
        try:
            while True:
                changed.clear()
                batches, at = await self._read(partial(_changes, raw, at), timeout)
                for batch in batches:
                    yield batch
                if not batches:
                    await self._news(changed)
        finally:
            self._watchers.discard(changed)

    def capabilities(self) -> Capabilities:
        """One host, one file; `shared` where it is served to others."""
        return Capabilities(
            engine="sqlite",
            linearizable=True,
            several_hosts=self._shared,
            survives_a_host=False,
            min_ttl_s=1,
        )

    async def look(self, *, timeout: float = TIMEOUT_S) -> Standing:
        """Whether the file can be read and written."""
        try:
            at = await self._read(lambda db, _: tables.revision(db), timeout)
        except StateStoreError as exc:
            return Standing(False, str(exc), (Member(str(self._path), False, str(exc)),))
        if self._writer.full:
            return Standing(
                False, "the disk is full: nothing can be written", (Member(str(self._path), False, "full"),)
            )
        text = f"revision {at}"
        return Standing(True, f"{self._path}, {text}", (Member(str(self._path), True, text),))

    async def close(self) -> None:
        """Write what is queued and close the file."""
        await asyncio.to_thread(self._writer.close)

    async def _read(self, ask: Callable[[sqlite3.Connection, Now], T], timeout: float) -> T:
        try:
            return await self._run(ask, timeout, durable=False)
        except TimeoutError as exc:
            raise StoreAway(f"{self._path}: no answer within {timeout:g} s; is the disk stuck?") from exc

    async def _write(self, ask: Callable[[sqlite3.Connection, Now], T], timeout: float) -> T:
        try:
            return await self._run(ask, timeout, durable=True)
        except TimeoutError as exc:
            raise Unclear(f"{self._path}: not written within {timeout:g} s; it may be yet") from exc

    async def _run(self, ask: Callable[[sqlite3.Connection, Now], T], timeout: float, *, durable: bool) -> T:
        def operation(db: sqlite3.Connection) -> tuple[T | StateStoreError, int]:
            tables.sweep(db, now)
            db.execute("SAVEPOINT asked")  # what is refused is undone; leases that ended stay ended
            answer: T | StateStoreError
            try:
                answer = ask(db, now)
            except StateStoreError as exc:
                db.execute("ROLLBACK TO asked")
                answer = exc
            db.execute("RELEASE asked")
            return answer, tables.revision(db)

        now = Now(self._clock(), self._boot())
        try:
            async with asyncio.timeout(timeout):
                answer, newest = await self._writer.run(operation, durable=durable)
        except StoreError as exc:
            raise StoreAway(str(exc)) from exc
        self._ring(newest)
        if isinstance(answer, StateStoreError):
            raise answer
        done: T = answer
        return done

    async def _news(self, changed: asyncio.Event) -> None:
        """Wait for a change, or until it is time to look for one of another process.

        Whoever looks rings for all, so that many watches cost as much as one.
        """
        while not changed.is_set():
            try:
                async with asyncio.timeout(POLL_S):
                    await changed.wait()
            except TimeoutError:
                if time.monotonic() - self._looked >= POLL_S:
                    self._looked = time.monotonic()  # the others wait for what we find
                    return

    def _ring(self, newest: int) -> None:
        self._looked = time.monotonic()
        if newest <= self._newest:
            return
        first, self._newest = self._newest < 0, newest
        for changed in () if first else self._watchers:
            changed.set()


def _changes(prefix: bytes, at: int, db: sqlite3.Connection, _now: Now) -> tuple[list[Batch], int]:
    return tables.changes(db, prefix, at)
