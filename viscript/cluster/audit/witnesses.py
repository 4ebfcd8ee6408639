"""What others have of audits: copies in the shared store, heads that other hosts keep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.comparing import Difference, Seen, difference
from viscript.cluster.audit.copies import Copies, prefix_of
from viscript.cluster.audit.telling import Telling
from viscript.statestore.api import Item, StateStore
from viscript.statestore.errors import StateStoreError

TRY_S: Final = 3.0
IN_THE_STORE: Final = "the copy in the store"


@dataclass(frozen=True)
class Findings:
    """What was found: how many entries the store has copied and how many hosts were heard, and what is wrong.

    `copied` is None where hosts share no store, or it is away (`away` says why).
    """

    copied: int | None
    heard: int
    away: str = ""
    faults: tuple[str, ...] = ()
    difference: Difference | None = None


class Witnesses:
    """Asks them. `store` tells the store that hosts share, None where they share none."""

    def __init__(
        self, audit: Audit, host: PublicKey, store: Callable[[], StateStore | None], telling: Telling
    ) -> None:
        self._audit = audit
        self._host = host
        self._store = store
        self._telling = telling

    async def copies(self, host: PublicKey) -> Copies | None:
        """The copies of a host's audit; None where hosts share no store. Raises `StateStoreError`."""
        store = self._store()
        if store is None:
            return None
        items = (await store.range(prefix_of(host), timeout=TRY_S)).items
        return await asyncio.to_thread(_read, host, items)

    async def heard(self) -> Findings:
        """What all of them say of this host's own audit. Raises `StoreError`."""
        copies, away = await self._own_copies()
        seen: dict[int, Seen] = {}
        if copies is not None:
            seen = {number: Seen(digest, IN_THE_STORE) for number, digest in copies.digests.items()}
        wrong = await difference(self._audit, seen)
        heads = await self._telling.heads()
        for label, head in heads:
            if head is not None and wrong is None:
                wrong = await difference(self._audit, {head.number: Seen(head.digest, label)})
        return Findings(
            copied=None if copies is None else len(copies.entries),
            heard=sum(head is not None for _, head in heads),
            away=away,
            faults=() if copies is None else tuple(copies.faults),
            difference=wrong,
        )

    async def _own_copies(self) -> tuple[Copies | None, str]:
        try:
            return await self.copies(self._host), ""
        except StateStoreError as exc:
            return None, str(exc)


def _read(host: PublicKey, items: tuple[Item, ...]) -> Copies:
    copies = Copies(host)
    copies.feed(items)
    copies.settle()
    return copies
