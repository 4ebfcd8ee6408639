"""Drops old copies of audits from the shared store: by the host that leads, one host after the other."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.audit.copies import prefix_of, surplus
from viscript.statestore.api import Compare, Delete, StateStore
from viscript.statestore.errors import StateStoreError

log = logging.getLogger(__name__)

LEADER: Final = "leader"
ROUND_S: Final = 300.0
PAUSE_S: Final = 1.0  # between two hosts: each is read whole
BATCH: Final = 64


class Trimming:
    """`run()` it in a task. `fence` is that of our term as leader, 0 while another leads."""

    def __init__(
        self,
        store: StateStore,
        fence: Callable[[], int],
        hosts: Callable[[], Iterable[PublicKey]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._store = store
        self._fence = fence
        self._hosts = hosts

    async def run(self) -> None:
        """Trim for ever, while we lead."""
        while True:
            try:
                await self._round()
            except StateStoreError as exc:
                log.info("old copies of the audit stay for now: %s", exc)
            await asyncio.sleep(ROUND_S)

    async def _round(self) -> None:
        for host in list(self._hosts()):
            if not self._fence():
                return
            await self.trim(host)
            await asyncio.sleep(PAUSE_S)

    async def trim(self, host: PublicKey) -> None:
        """Drop what one host has too much. Raises `StateStoreError`."""
        items = (await self._store.range(prefix_of(host))).items
        gone = surplus(items, self._clock())
        for start in range(0, len(gone), BATCH):
            leads = Compare(LEADER, "created", "=", self._fence())
            drop = [Delete(key) for key in gone[start : start + BATCH]]
            if not (await self._store.txn((leads,), drop)).ok:
                return  # another leads by now
        if gone:
            log.info("audit of host=%s: dropped copies=%d", host.hex()[:16], len(gone))
