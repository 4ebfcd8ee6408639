"""A copy of a prefix, kept up to date: list, watch from there, list again when the history is gone.

While the store is away the copy stays as it was, and says so; nothing is dropped. Now and then all is listed
anew: a store that was restored from an older copy tells nothing of what has gone, and waits for revisions.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Final

from viscript.statestore.api import Batch, Item, Range, StateStore
from viscript.statestore.errors import Compacted, StateStoreError, StoreAway

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
LIST_AGAIN_S: Final = 300.0
ITEMS_MAX: Final = 200_000
BYTES_MAX: Final = 64 << 20

Changed = Callable[[str, Item | None], None]


class Reflector:
    """`run()` it in a task; `items` is what is known. `changed(key, item or None)` hears of each difference.

    `settled` is called behind each list and batch: what was told before it belongs together.
    """

    def __init__(
        self,
        store: StateStore,
        prefix: str,
        *,
        changed: Changed = lambda key, item: None,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._changed = changed
        self._settled = settled
        self._items: dict[str, Item] = {}
        self._bytes = 0  # of all of them
        self.items: Mapping[str, Item] = MappingProxyType(self._items)
        self.revision = 0
        self.fresh = asyncio.Event()  # set while the copy follows the store
        self.fault = ""  # why it does not

    async def run(self) -> None:
        """Keep the copy up to date, for ever."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                self._replace(await self._store.range(self._prefix))
                pause = FIRST_PAUSE_S
                await self._follow()
            except Compacted:
                log.info("the history of %r is gone: listing it again", self._prefix)
                await asyncio.sleep(FIRST_PAUSE_S)
            except StateStoreError as exc:
                self.fresh.clear()
                self.fault = str(exc)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads hosts in time)
                pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _follow(self) -> None:
        seconds = LIST_AGAIN_S * random.uniform(0.5, 1.0)  # noqa: S311 (as below)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), aclosing(self._watch()) as batches:
                async for batch in batches:
                    self._apply(batch)

    def _watch(self) -> AsyncGenerator[Batch, None]:
        return self._store.watch(self._prefix, self.revision + 1)

    def _replace(self, listed: Range) -> None:
        self._check(len(listed.items), sum(map(_size, listed.items)))
        found = {item.key: item for item in listed.items}
        for key in [key for key in self._items if key not in found]:
            self._forget(key)
        for item in listed.items:
            self._learn(item)
        self.revision = listed.revision
        self.fault = ""
        self.fresh.set()
        self._settled()

    def _apply(self, batch: Batch) -> None:
        for event in batch.events:
            if event.deleted:
                self._forget(event.item.key)
            else:
                self._learn(event.item)
        self._check(len(self._items), self._bytes)
        self.revision = batch.revision
        self._settled()

    def _learn(self, item: Item) -> None:
        old = self._items.get(item.key)
        if old != item:
            self._items[item.key] = item
            self._bytes += _size(item) - (0 if old is None else _size(old))
            self._changed(item.key, item)

    def _forget(self, key: str) -> None:
        old = self._items.pop(key, None)
        if old is not None:
            self._bytes -= _size(old)
            self._changed(key, None)

    def _check(self, count: int, size: int) -> None:
        """Raises `StoreAway` when there is more than this copy takes: then it stays as it was."""
        if count > ITEMS_MAX or size > BYTES_MAX:
            text = f"under {self._prefix} lie {count} keys with {size} bytes: what writes there?"
            raise StoreAway(f"{text} At most {ITEMS_MAX} keys and {BYTES_MAX} bytes are followed")


def _size(item: Item) -> int:
    return len(item.key) + len(item.value)
