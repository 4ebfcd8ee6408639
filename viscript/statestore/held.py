"""The store a daemon holds: opened when it is first needed, and known to be away or back.

A store that cannot be opened, or goes away, stops nothing: whoever asks is told at once or within his own
deadline, and `run` looks at intervals whether it is back. What is said of it comes from the calls themselves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final, TypeVar

from viscript.statestore.api import (
    TIMEOUT_S,
    Batch,
    Capabilities,
    Compare,
    Item,
    Lease,
    Op,
    Range,
    Standing,
    StateStore,
    Txn,
)
from viscript.statestore.errors import BadUrl, Refused, StateStoreError, StoreAway

log = logging.getLogger(__name__)

T = TypeVar("T")
LOOK_S: Final = 3.5  # without an answer to anybody: then it is looked at; leases are kept more often
FIRST_RETRY_S: Final = 0.5
LONGEST_RETRY_S: Final = 5.0
LOOK_TIMEOUT_S: Final = 2.5

Told = Callable[[StateStoreError | None, float], None]


class HeldStore:
    """Implements `StateStore` over one that `opener` opens. `told(fault, seconds)` hears of away and back.

    `name` is for people. With `lazy`, nobody looks at it before it is used. One that was never reached is not
    told to be away for the first `patience_s` seconds: whoever asks is, at once.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], Awaitable[StateStore]],
        *,
        lazy: bool = False,
        told: Told = lambda fault, seconds: None,
        patience_s: float = 0.0,
    ) -> None:
        self.name = name
        self._opener = opener
        self._lazy = lazy
        self._told = told
        self._patient_until = time.monotonic() + patience_s
        self._is_told = False
        self._store: StateStore | None = None
        self._opening = asyncio.Lock()
        self._wake = asyncio.Event()
        self._fault: StateStoreError | None = None
        self._away_since = 0.0
        self._answered = False
        self._heard_at = 0.0
        self._closed = False

    @property
    def fault(self) -> StateStoreError | None:
        """Why it is away; None while it is not known to be."""
        return self._fault

    @property
    def used(self) -> bool:
        """Whether it was opened, or was tried to be."""
        return self._store is not None or self._fault is not None

    def standing(self) -> str:
        """How it stands, in words, without looking."""
        if self._fault is not None:
            return f"away for {time.monotonic() - self._away_since:.0f} s: {self._fault}"
        if self._store is None:
            return "not used yet"
        return "in use" if self._answered else "not reached yet"

    async def keep(self) -> None:
        """`run`, and close it in the end: for whoever has tasks that are cancelled."""
        try:
            await self.run()
        finally:
            await self.close()

    async def run(self) -> None:
        """Notice that it goes away and comes back, for ever."""
        pause = FIRST_RETRY_S
        while True:
            if (self.used or not self._lazy) and (self._fault is not None or self._silent_in() <= 0):
                await self.look(timeout=LOOK_TIMEOUT_S)
            away = self._fault is not None
            pause = min(pause * 2, LONGEST_RETRY_S) if away else FIRST_RETRY_S
            await self._rest(pause if away else None if self._lazy else self._silent_in())

    def _silent_in(self) -> float:
        """When it will have been silent for so long that it is to be looked at."""
        return self._heard_at + LOOK_S - time.monotonic()

    async def _rest(self, seconds: float | None) -> None:
        """Wait for the next look: so long, or until it is known to be away."""
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def get(self, key: str, *, timeout: float = TIMEOUT_S) -> Item | None:
        """As the store's own."""
        return await self._call(lambda store: store.get(key, timeout=timeout))

    async def range(self, prefix: str, *, timeout: float = TIMEOUT_S) -> Range:
        """As the store's own."""
        return await self._call(lambda store: store.range(prefix, timeout=timeout))

    async def txn(
        self,
        compare: Sequence[Compare],
        then: Sequence[Op],
        otherwise: Sequence[Op] = (),
        *,
        timeout: float = TIMEOUT_S,
    ) -> Txn:
        """As the store's own."""
        return await self._call(
            lambda store: store.txn(compare, then, otherwise, timeout=timeout), writes=True
        )

    async def lease(self, ttl_s: int, *, timeout: float = TIMEOUT_S) -> Lease:
        """As the store's own."""
        return await self._call(lambda store: store.lease(ttl_s, timeout=timeout))

    async def keepalive(self, lease: int, *, timeout: float = TIMEOUT_S) -> int:
        """As the store's own."""
        return await self._call(lambda store: store.keepalive(lease, timeout=timeout))

    async def revoke(self, lease: int, *, timeout: float = TIMEOUT_S) -> None:
        """As the store's own."""
        await self._call(lambda store: store.revoke(lease, timeout=timeout))

    async def watch(
        self, prefix: str, from_revision: int, *, timeout: float = TIMEOUT_S
    ) -> AsyncGenerator[Batch, None]:
        """As the store's own."""
        store = await self.opened()
        try:
            async with aclosing(store.watch(prefix, from_revision, timeout=timeout)) as batches:
                async for batch in batches:
                    self._back()
                    yield batch
        except (StoreAway, Refused) as exc:
            self._away(exc)
            raise

    def capabilities(self) -> Capabilities:
        """The store's own; before it was opened, those of a single host."""
        if self._store is not None:
            return self._store.capabilities()
        return Capabilities(
            engine=self.name.partition(":")[0].partition(" ")[0],
            linearizable=True,
            several_hosts=not self._lazy,
            survives_a_host=False,
            min_ttl_s=2,
        )

    async def look(self, *, timeout: float = TIMEOUT_S) -> Standing:
        """How it stands; opens it."""
        try:
            store = await self.opened()
        except StateStoreError as exc:
            return Standing(False, str(exc))
        try:
            standing = await store.look(timeout=timeout)
        except Exception as exc:  # noqa: BLE001 (a plugin's store may break the contract: the daemon goes on)
            standing = Standing(False, _words(exc))
        if standing.ok:
            self._back()
        else:
            self._away(StoreAway(standing.text))
        return standing

    async def close(self) -> None:
        """Close it if it was opened; it is not opened again."""
        self._closed = True
        if self._store is not None:
            await self._store.close()
            self._store = None

    async def _call(self, ask: Callable[[StateStore], Awaitable[T]], *, writes: bool = False) -> T:
        store = await self.opened()
        try:
            answer = await ask(store)
        except (StoreAway, Refused) as exc:
            if not (writes and isinstance(exc, Refused)):  # that may be that key alone
                self._away(exc)
            raise
        self._back()
        return answer

    async def opened(self) -> StateStore:
        """The store itself, opened if it was not yet. Raises `StoreAway`."""
        if self._store is None:
            async with self._opening:
                if self._store is None:
                    self._store = await self._open()
        return self._store

    async def _open(self) -> StateStore:
        self._refuse_closed()
        try:
            store = await self._opener()
        except (BadUrl, StoreAway) as exc:
            self._away(exc)
            raise StoreAway(str(exc)) from exc
        except Exception as exc:  # whoever opens it may be a plugin: the daemon goes on
            self._away(StoreAway(_words(exc)))
            raise StoreAway(_words(exc)) from exc
        try:
            self._refuse_closed()
        except StoreAway:
            await store.close()
            raise
        return store

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreAway(f"{self.name} was closed")

    def _away(self, exc: StateStoreError) -> None:
        if self._fault is None:
            self._away_since = time.monotonic()
            self._wake.set()
        self._fault = exc
        patient = not self._answered and time.monotonic() < self._patient_until
        if not self._is_told and not patient:
            self._is_told = True
            log.warning("the state store is away: %s", exc)
            self._told(exc, time.monotonic() - self._away_since)

    def _back(self) -> None:
        self._answered, self._heard_at = True, time.monotonic()
        if self._fault is not None:
            self._fault = None
            if self._is_told:
                self._is_told = False
                away_s = time.monotonic() - self._away_since
                log.info("the state store is back after seconds=%.0f", away_s)
                self._told(None, away_s)


def _words(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"
