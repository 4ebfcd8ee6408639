"""The audit of a world in memory."""

import sqlite3
from collections.abc import Callable
from typing import Any

from signal_bus.identity import Identity
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.entry import Said, digest, sign
from viscript.store.memory import SCHEMA

HOST = Identity(bytes(range(32)))
Rows = list[tuple[int, bytes]]


class _InMemory:
    """Carries out at once what the home's store would in its thread."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._db.executescript(SCHEMA)

    async def run(self, operation: Callable[[sqlite3.Connection], Any]) -> Any:
        return operation(self._db)

    def post(self, operation: Callable[[sqlite3.Connection], Any]) -> None:
        operation(self._db)

    def close(self) -> None:
        self._db.close()


def said(number: int) -> Said:
    """What some entry tells."""
    return Said(kind="asked", time=float(number), ulid=f"{number:026}", actor="ab", verb="start", argv=("s",))


def chain(count: int, signer: Identity = HOST, *, first: int = 1, before: bytes = bytes(32)) -> Rows:
    """So many entries that follow one another, with their numbers."""
    found = []
    for number in range(first, first + count):
        record = sign(said(number), number=number, before=before, signer=signer)
        before = digest(record)
        found.append((number, record))
    return found


class AuditInMemory(Audit):
    """An audit that needs no disk; to be closed."""

    def __init__(self) -> None:
        self._store = _InMemory()
        super().__init__(self._store, HOST)

    def close(self) -> None:
        """Forget all."""
        self._store.close()
