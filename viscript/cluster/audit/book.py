"""The audit of one home: written by whoever runs verbs, read by `audit`.

An entry is on the disk before its verb runs. Where that cannot be (the disk is full, or does not answer),
the verb runs all the same: who has to free the disk must be able to. What is not written yet is kept in
memory as far as can be, and the daemon's log says so.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from signal_bus.identity import Identity
from viscript.cluster.audit import rows
from viscript.cluster.audit.entry import BadEntry, Chain, Entry, Said, read
from viscript.cluster.audit.ulid import CHANCE_BYTES, ulid
from viscript.store.writer import StoreError

log = logging.getLogger(__name__)

PATIENCE_S: Final = 2.0  # for an entry to be on the disk
KEPT_S: Final = 400 * 86400.0
KEPT_MOST: Final = 200_000
TRIM_EVERY: Final = 256  # entries between two looks at what is too old
REFUSALS: Final = 30  # of one caller, a minute, that are written
_MINUTE: Final = 60.0
_CALLERS: Final = 256


class Memory(Protocol):
    """What the audit needs of the home's store."""

    async def run(self, operation: Callable[[sqlite3.Connection], Any]) -> Any:  # Any: the operation's answer
        """Carry it out, and wait for the disk. Raises `StoreError`."""

    def post(self, operation: Callable[[sqlite3.Connection], Any]) -> None:  # Any: as above
        """Carry it out soon."""


@dataclass(frozen=True)
class Asked:
    """A command whose entry is written."""

    said: Said
    since: float  # on the monotonic clock


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: how many entries, and the first that is wrong."""

    entries: int
    number: int | None = None
    reason: str = ""


class Audit:
    """Writes and reads the entries of this host."""

    def __init__(self, memory: Memory, identity: Identity, *, clock: Callable[[], float] = time.time) -> None:
        self._memory = memory
        self._identity = identity
        self._clock = clock
        self.key = identity.public_key.hex()
        self.listeners: list[Callable[[], None]] = []  # called for each entry
        self._running: set[str] = set()
        self._refusals: dict[str, deque[float]] = {}
        self._until_trim = 1  # the first entry looks

    async def asked(self, said: Said) -> Asked:
        """Write that a verb is about to run."""
        now = self._clock()
        said = _at(said, now, ulid=ulid(now, secrets.token_bytes(CHANCE_BYTES)))
        self._running.add(said.ulid)
        await self._write(said)
        return Asked(said, time.monotonic())

    def done(self, asked: Asked, code: int) -> None:
        """Write what came of it; nobody waits for that."""
        self._running.discard(asked.said.ulid)
        said = Said(
            kind="done",
            ulid=asked.said.ulid,
            time=self._clock(),
            code=code,
            seconds=round(time.monotonic() - asked.since, 3),
        )
        self._memory.post(lambda db: rows.append(db, said, self._identity))
        self._tell()

    async def refused(self, said: Said, code: int) -> None:
        """Write that a caller's role did not reach; of one who tries again and again, not each time."""
        now = self._clock()
        if self._is_too_often(said.actor):
            return
        chance = secrets.token_bytes(CHANCE_BYTES)
        await self._write(_at(said, now, ulid=ulid(now, chance), kind="refused", code=code))

    def is_running(self, ulid: str) -> bool:
        """Whether the verb of an entry has not ended yet."""
        return ulid in self._running

    def _is_too_often(self, actor: str) -> bool:
        now = time.monotonic()
        if actor not in self._refusals and len(self._refusals) >= _CALLERS:
            del self._refusals[next(iter(self._refusals))]
        times = self._refusals.setdefault(actor, deque(maxlen=REFUSALS))
        full = len(times) == REFUSALS and now - times[0] < _MINUTE
        if not full:
            times.append(now)
        return full

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()

    async def _write(self, said: Said) -> None:
        self._tell()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._memory.run(lambda db: rows.append(db, said, self._identity))
                await self._trim()
        except (StoreError, TimeoutError) as exc:
            why = str(exc) or "the disk is slow"
            log.error("the audit is not on the disk: kind=%s verb=%s: %s", said.kind, said.verb, why)

    async def _trim(self) -> None:
        self._until_trim -= 1
        if self._until_trim > 0:
            return
        self._until_trim = TRIM_EVERY
        now = self._clock()
        gone = await self._memory.run(
            lambda db: rows.cut(db, oldest=now - KEPT_S, most=KEPT_MOST, now=now, signer=self._identity)
        )
        if gone:
            log.info("audit: dropped entries=%d", gone)

    # -- reading

    async def newest_first(self) -> AsyncIterator[Entry]:
        """Every entry that can be read, from the newest back."""
        before = 1 << 62
        while found := await self._memory.run(partial(rows.page_back, before=before)):
            for number, record in found:
                before = number
                try:
                    yield read(record)
                except BadEntry as exc:
                    log.error("audit: entry=%d: %s", number, exc)

    async def rows_after(self, number: int) -> list[tuple[int, bytes]]:
        """Some records behind that number, oldest first, as they stand. Raises `StoreError`."""
        found: list[tuple[int, bytes]] = await self._memory.run(partial(rows.page, after=number))
        return found

    async def end(self) -> tuple[int, bytes]:
        """Number and hash of the newest entry. Raises `StoreError`."""
        found: tuple[int, bytes] = await self._memory.run(rows.end)
        return found

    async def verify(self) -> Verdict:
        """Check every signature, and that each entry follows the one before."""
        chain, last, count = Chain(self._identity.public_key), 0, 0
        while found := await self._memory.run(partial(rows.page, after=last)):
            wrong = await asyncio.to_thread(_first_wrong, chain, found)
            if wrong is not None:
                return Verdict(count + wrong[0], wrong[1], wrong[2])
            last, count = found[-1][0], count + len(found)
        return Verdict(count)


def _first_wrong(chain: Chain, found: list[tuple[int, bytes]]) -> tuple[int, int, str] | None:
    """How many were right, and number and reason of the first that is not."""
    for right, (number, record) in enumerate(found):
        try:
            entry = chain.feed(record)
        except BadEntry as exc:
            return right, number, str(exc)
        if entry.number != number:
            return right, number, f"it says that it is entry {entry.number}"
    return None


def _at(said: Said, now: float, **more: Any) -> Said:  # Any: fields of `Said`
    return msgspec.structs.replace(said, time=now, **more)
