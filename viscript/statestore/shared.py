"""What a store can do besides that is served to other hosts: it knows to which of them it granted a lease.

A lease without an owner is one of this host itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from viscript.statestore import tables
from viscript.statestore.api import Compare, Item, Lease, Op, StateStore, Txn
from viscript.statestore.errors import Refused

LEASES_MOST: Final = 1000  # of one host at a time
OURS: Final = b""


class Ground(Protocol):
    """What a guard may look at, in the transaction that it judges."""

    def item(self, key: str) -> Item | None:
        """What is there."""

    def owner(self, lease: int) -> bytes | None:
        """The host a lease was granted to, empty for this one; None when there is no such lease."""


Guard = Callable[[Ground, Sequence[Op]], None]


class SharedStore(StateStore, Protocol):
    """A store that other hosts are served from."""

    async def lease_for(self, host: bytes, ttl_s: int, *, timeout: float) -> Lease:
        """A new lease of that host. Raises `Refused` when it has too many."""

    async def owner(self, lease: int, *, timeout: float) -> bytes | None:
        """As of `Ground`."""

    async def guarded(
        self,
        compare: Sequence[Compare],
        then: Sequence[Op],
        otherwise: Sequence[Op],
        guard: Guard,
        *,
        timeout: float,
    ) -> Txn:
        """A transaction that `guard` may refuse, by what is there at that very moment."""


class TableGround:
    """The ground of the SQLite engine."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def item(self, key: str) -> Item | None:
        """What is there."""
        return tables.get(self._db, key.encode())

    def owner(self, lease: int) -> bytes | None:
        """As of `Ground`."""
        if self._db.execute("SELECT 1 FROM lease WHERE id=?", (lease,)).fetchone() is None:
            return None
        row = self._db.execute("SELECT host FROM owner WHERE lease=?", (lease,)).fetchone()
        return OURS if row is None else bytes(row[0])


def grant_to(db: sqlite3.Connection, host: bytes, lease: int, ttl_s: int, now: tables.Now) -> bool:
    """Begin a lease of that host; false when there is one of that number. Raises `Refused`."""
    (held,) = db.execute("SELECT count(*) FROM owner WHERE host=?", (host,)).fetchone()
    if held >= LEASES_MOST:
        raise Refused(f"this host has {held} leases already; wait until some have ended")
    if not tables.grant(db, lease, ttl_s, now):
        return False
    db.execute("INSERT INTO owner VALUES (?, ?)", (lease, host))
    return True
