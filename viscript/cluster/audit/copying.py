"""Copies this host's audit into the state store that all hosts share, so that it outlives the host.

No command waits for it. What is new goes out a moment after the first of it, and not more often than every
`EVERY_S`, in one write while that suffices; how far it came is kept on this home's disk, behind the write.
With the store away all of it waits where it is, in the home. A write whose answer was lost is repeated under
the same key, which is made only once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.copies import packed, prefix_of
from viscript.cluster.audit.rows import PAGE
from viscript.cluster.audit.ulid import CHANCE_BYTES, ulid
from viscript.statestore.api import Get, Item, Put, StateStore, absent
from viscript.statestore.errors import Refused, StateStoreError
from viscript.store.memory import Memory
from viscript.store.writer import StoreError

log = logging.getLogger(__name__)

CURSOR: Final = "audit.copied"
GATHER_S: Final = 1.0  # for what belongs together, such as a command's beginning and end
EVERY_S: Final = 8.0  # between two copies; a little more or less, so that hosts spread in time
RETRY_S: Final = 5.0
PAUSE_S: Final = 1.0  # between two copies of what has piled up
REFUSED_S: Final = 600.0  # before one that the store refused is tried again
TRY_S: Final = 5.0


@dataclass(frozen=True)
class _Copy:
    """One that is to be written: its last entry, and whether more wait behind it."""

    key: str
    value: bytes
    last: int
    more: bool


class Copying:
    """`run()` it in a task, while the store is one that hosts share."""

    def __init__(
        self,
        store: StateStore,
        memory: Memory,
        audit: Audit,
        host: PublicKey,
        *,
        joined: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.copied = 0  # up to which entry
        self.fault = ""
        self._store = store
        self._memory = memory
        self._audit = audit
        self._prefix = prefix_of(host)
        self._joined = joined
        self._clock = clock
        self._news = asyncio.Event()
        audit.listeners.append(self._news.set)
        self._pending: _Copy | None = None

    async def run(self) -> None:
        """Copy what is new, for ever."""
        await self._begin()
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_S)
            self._news.clear()
            pause = EVERY_S * random.uniform(0.75, 1.25)  # noqa: S311 (as said)
            try:
                await self.copy()
                self.fault = ""
            except (StateStoreError, StoreError) as exc:
                self._fail(exc)
                self._news.set()
                pause = REFUSED_S if isinstance(exc, Refused) else RETRY_S
            await asyncio.sleep(pause)

    async def _begin(self) -> None:
        """What is asked from this moment on is copied, and what an earlier daemon or a fault left."""
        self._news.set()
        try:
            await self._cursor()
        except StoreError as exc:
            self._fail(exc)

    async def copy(self) -> None:
        """Copy all that is new. Raises `StateStoreError` and `StoreError`; what was not copied is kept."""
        if not self._joined():  # what a host is asked while it is alone is nobody else's
            self._pending = None
            await self._keep((await self._audit.end())[0])
            return
        while (copy := self._pending or await self._next()) is not None:
            self._pending = copy
            await self._write(copy)
            self._pending = None
            if not copy.more:
                return
            await asyncio.sleep(PAUSE_S)

    async def _next(self) -> _Copy | None:
        """What is to be copied next; None when nothing is new."""
        self.copied = await self._cursor()
        rows = await self._audit.rows_after(self.copied)
        if not rows:
            return None
        value, last = packed(rows)
        made = ulid(self._clock(), secrets.token_bytes(CHANCE_BYTES))
        more = rows[-1][0] > last or len(rows) == PAGE
        return _Copy(f"{self._prefix}{made}", value, last, more)

    async def _cursor(self) -> int:
        """Up to where it was copied; a host that joins begins with what it is asked from then on."""
        kept = await self._memory.value(CURSOR)
        if kept is None:
            number, _ = await self._audit.end()
            await self._keep(number)
            return number
        return int(msgspec.msgpack.decode(kept, type=int))

    async def _write(self, copy: _Copy) -> None:
        write, look = Put(copy.key, copy.value), Get(copy.key)
        done = await self._store.txn((absent(copy.key),), (write,), (look,), timeout=TRY_S)
        held = None if done.ok else done.results[0]
        if isinstance(held, Item) and held.value != copy.value:  # 80 bits of chance, or somebody's work
            self._pending = None
            raise Refused(f"{copy.key} is there already, and is no copy of ours")
        await self._keep(copy.last)

    async def _keep(self, number: int) -> None:
        self.copied = number
        await self._memory.set_value(CURSOR, msgspec.msgpack.encode(number))

    def _fail(self, exc: Exception) -> None:
        if not self.fault:
            log.warning("the audit is not copied for now: %s", exc)
        self.fault = str(exc)
