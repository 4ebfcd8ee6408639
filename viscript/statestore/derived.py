"""What is handy, for every engine alike: put, create, delete, and transactions that are done once for sure.

The answer of a write can be lost (`Unclear`). Then the store is looked at before anything is tried once more.
A write to a key that is there is compared with the revision that was read, so that a retry never undoes what
another did since. All else carries a mark under `requests/`, which is there exactly when the write was done.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import Final

from viscript.statestore.api import (
    OPERATIONS_MAX,
    TIMEOUT_S,
    Compare,
    Delete,
    Get,
    Item,
    Op,
    Put,
    StateStore,
    Txn,
    absent,
    unchanged,
)
from viscript.statestore.errors import InvalidRequest, LeaseGone, StoreAway, Unclear

REQUESTS: Final = "requests/"
MARK_TTL_S: Final = 60  # longer than any write is tried
_MARK_OLD_S: Final = 30  # a lease for marks is not used longer
_PAUSE_S: Final = 0.05  # between two tries, doubled up to a second


class Deadline:
    """What is left of the time of one call that takes several."""

    def __init__(self, timeout: float) -> None:
        self._end = time.monotonic() + timeout
        self._pause = _PAUSE_S

    def left(self) -> float:
        """Seconds; never none at all, so that the engine itself says what was in the way."""
        return max(self._end - time.monotonic(), 0.01)

    async def pause(self, exc: Exception) -> None:
        """Wait before the next try. Raises `exc` when there is no time for one."""
        if time.monotonic() + self._pause >= self._end:
            raise exc
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, 1.0)


class Writes:
    """Writes that are done once, or not at all, or are said to be unclear when the time is over."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._lease = 0
        self._since = 0.0

    async def put(self, key: str, value: bytes, *, lease: int = 0, timeout: float = TIMEOUT_S) -> int:
        """Let the key have that value, whatever it had. The revision of this write.

        Where another wrote at the same moment and the answer was lost, it is the revision of that one,
        which came behind ours.
        """
        deadline = Deadline(timeout)
        write = Put(key, value, lease)
        before = await self._store.get(key, timeout=deadline.left())
        while True:
            if before is None:
                done = await self.txn((absent(key),), (write,), (Get(key),), timeout=deadline.left())
            else:
                done = await self._replace(before, write, deadline)
            if done.ok:
                return done.revision
            before = _found(done)

    async def delete(self, key: str, *, timeout: float = TIMEOUT_S) -> bool:
        """Let there be no such key; whether there was one."""
        deadline = Deadline(timeout)
        before = await self._store.get(key, timeout=deadline.left())
        while before is not None:
            done = await self._replace(before, Delete(key), deadline)
            if done.ok:
                return True
            before = _found(done)
        return False

    async def create(
        self, key: str, value: bytes, *, lease: int = 0, timeout: float = TIMEOUT_S
    ) -> int | None:
        """Make a key that is not there; the revision that made it, None when there is one already."""
        done = await self.txn((absent(key),), (Put(key, value, lease),), timeout=timeout)
        return done.revision if done.ok else None

    async def txn(
        self,
        compare: Sequence[Compare],
        then: Sequence[Op],
        otherwise: Sequence[Op] = (),
        *,
        timeout: float = TIMEOUT_S,
    ) -> Txn:
        """As the store's own; where an answer was lost and it was done, each of `results` is None."""
        if max(len(then), len(compare), len(otherwise)) >= OPERATIONS_MAX:
            raise InvalidRequest(f"with its mark, such a transaction has at most {OPERATIONS_MAX - 1} parts")
        deadline, mark, lost = Deadline(timeout), f"{REQUESTS}{secrets.token_hex(16)}", False
        while True:
            lease = await self._marking(deadline)
            try:
                done = await self._store.txn(
                    (*compare, absent(mark)),
                    (*then, Put(mark, b"", lease)),
                    (Get(mark), *otherwise),
                    timeout=deadline.left(),
                )
            except LeaseGone as exc:
                self._lease = 0
                if exc.lease != lease and any(isinstance(one, Put) and one.lease for one in then):
                    raise  # the caller's own
                await deadline.pause(exc)
            except Unclear as exc:
                lost = True
                await deadline.pause(exc)
            except StoreAway as exc:
                if lost:  # an earlier try may have been done
                    raise Unclear(str(exc)) from exc
                raise
            else:
                return _without_mark(done, len(then))

    async def close(self) -> None:
        """Take the marks away now; without it, they go by themselves within a minute."""
        if self._lease:
            await self._store.revoke(self._lease)
            self._lease = 0

    async def _replace(self, before: Item, write: Put | Delete, deadline: Deadline) -> Txn:
        """Write over an item, or take it away, if it is still the one that was read."""
        lost = False
        while True:
            try:
                done = await self._store.txn(
                    (unchanged(write.key, before),), (write,), (Get(write.key),), timeout=deadline.left()
                )
            except Unclear as exc:
                lost = True
                await deadline.pause(exc)
                continue
            except StoreAway as exc:
                if lost:  # an earlier try may have been done
                    raise Unclear(str(exc)) from exc
                raise
            if done.ok or not lost:
                return done
            now = _found(done)  # the lost one was done; or another came, and ours is as if just before it
            return Txn(True, 0 if now is None else now.revision)

    async def _marking(self, deadline: Deadline) -> int:
        """The lease of marks: they are needed as long as a write is tried."""
        if not self._lease or time.monotonic() - self._since > _MARK_OLD_S:
            since = time.monotonic()
            self._lease = (await self._store.lease(MARK_TTL_S, timeout=deadline.left())).id
            self._since = since
        return self._lease


def _without_mark(done: Txn, wanted: int) -> Txn:
    if done.ok:
        return Txn(True, done.revision, done.results[:-1])
    mark = done.results[0]
    if isinstance(mark, Item):  # an earlier try was done, and its answer lost
        return Txn(True, mark.created, (None,) * wanted)
    return Txn(False, done.revision, done.results[1:])


def _found(done: Txn) -> Item | None:
    found = done.results[0]
    assert found is None or isinstance(found, Item)
    return found
