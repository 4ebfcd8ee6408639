"""Where every change goes through: one at a time, written to the disk before it holds and is answered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from components.mesh.httpsign import Signed
from components.mesh.keys import hex66
from components.mesh.web import Refusal
from components.node_manager import limits, nonces
from components.node_manager.ledger import Change, Ledger, NodeRow, Row
from components.node_manager.plan import News, Plan
from components.node_manager.store import Store, StoreError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Clock:
    """Seconds since 1970 that nobody sets while we run."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._offset = wall() - time.monotonic()

    def __call__(self) -> float:
        """The time now."""
        return time.monotonic() + self._offset


class Desk:
    """The ledger and its store. Use as `async with Desk(...)`."""

    def __init__(
        self, store: Store, clock: Callable[[], float], tell: Callable[[News], None] = lambda news: None
    ) -> None:
        self.ledger = Ledger()
        self.clock = clock
        self._store = store
        self._tell = tell
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def open(self) -> None:
        """Read what was stored. Raises `StoreError`."""
        self.ledger.apply(_within_leases(await self._store.open(), self.clock()))
        if nonces.FLOOR not in self.ledger.nonces:
            await self._write([nonces.first(self.clock())])

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    async def change(self, rule: Callable[[Ledger, float], Plan[T]], signed: Signed | None = None) -> T:
        """Carry out what `rule` decides, and its answer; counts up the number of who signed.

        Raises `Refusal`: the rule's own, or 401 for a wrong number, 503 for a disk that does not take it.
        """
        async with self._in_turn():
            now = self.clock()
            used = nonces.use(self.ledger, hex66(signed.key), signed.nonce, now) if signed else []
            plan = rule(self.ledger, now)
            try:
                await self._write([*used, *plan.changes])
            except StoreError as exc:
                log.error("a change was refused: %s", exc)
                raise Refusal(503, "storage", f"nothing was changed, it cannot be stored: {exc}") from exc
        for news in plan.news:
            self._tell(news)
        return plan.answer

    async def sweep(self) -> None:
        """Drop what was not renewed in time."""
        async with self._turn:
            changes = list(self.ledger.ended(self.clock()))
            old = [change.key for change in changes if change.kind == "nonce"]
            news = [each for change in changes if (each := self._parting(change)) is not None]
            if old:
                changes = [c for c in changes if c.kind != "nonce"] + nonces.forget(self.ledger, old)
            if changes:
                await self._write(changes)
        for each in news:
            self._tell(each)

    async def sweep_forever(self) -> None:
        """Sweep now and then."""
        while True:
            await asyncio.sleep(limits.SWEEP_S)
            try:
                await self.sweep()
            except StoreError as exc:  # what is over is not told any more, swept or not
                log.error("what is over stays in the store: %s", exc)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if self._waiting >= limits.MOST_WAITING:
            raise Refusal(503, "busy", "too many changes wait for the disk; try again later")
        self._waiting += 1
        try:
            async with asyncio.timeout(limits.WAIT_S):
                await self._turn.acquire()
        except TimeoutError as exc:
            raise Refusal(503, "busy", "the disk is too slow; try again later") from exc
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turn.release()

    async def _write(self, changes: list[Change]) -> None:
        await self._store.commit(changes)
        self.ledger.apply(changes)

    def _parting(self, change: Change) -> News | None:
        match change.kind:
            case "transport":
                return News("mesh.transport", {"what": "expired", "id": change.key})
            case "offer":
                return News("mesh.service", {"what": "expired", "service": change.key})
        return None


def _within_leases(changes: Iterable[Change], now: float) -> list[Change]:
    """Rows as if they were stored just now, at the latest: the clock may have been ahead then."""
    return [change._replace(row=_bounded(change, now)) for change in changes]


def _bounded(change: Change, now: float) -> Row | None:
    longest = limits.REMEMBER_S if change.kind in {"nonce", "node", "uptime"} else limits.LONGEST_LEASE_S
    row = change.row
    if row is None or row.ends <= now + longest or change.key == nonces.FLOOR:
        return row
    if isinstance(row, NodeRow):
        live = min(row.live_until, now + limits.LONGEST_LEASE_S)
        return msgspec.structs.replace(row, ends=now + longest, live_until=live)
    return msgspec.structs.replace(row, ends=now + longest)
