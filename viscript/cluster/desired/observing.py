"""What this host tells the cluster, under its lease: that it is there, and how its instances stand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.desired.keys import ALIVE, OBSERVED, Observed, Slot, host_key, pack
from viscript.cluster.desired.lease import HostLease
from viscript.statestore.api import OPERATIONS_MAX, Delete, Op, Put, StateStore
from viscript.statestore.errors import LeaseGone, StateStoreError
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase

log = logging.getLogger(__name__)

PAUSE_S: Final = 0.2  # what changes within it is one write
RETRY_S: Final = 1.0
TRY_S: Final = 3.0
LONGEST_REASON: Final = 200
_WANTING: Final = frozenset({Phase.FATAL, Phase.BACKOFF, Phase.STOPPED})
BATCH: Final = OPERATIONS_MAX // 2


class Observing:
    """`run()` it in a task; call `look` when something may have changed."""

    def __init__(
        self,
        store: StateStore,
        lease: HostLease,
        me: PublicKey,
        label: Callable[[], str],
        held: Callable[[], Mapping[Slot, Managed]],
    ) -> None:
        self._store = store
        self._lease = lease
        self._me = me
        self._label = label
        self._held = held
        self._news = asyncio.Event()
        self._told: dict[str, bytes] = {}
        self._under = 0

    def look(self) -> None:
        """Tell soon what has changed."""
        self._news.set()

    async def run(self) -> None:
        """Tell for ever."""
        while True:
            await self._news.wait()
            await asyncio.sleep(PAUSE_S)
            self._news.clear()
            try:
                await self._tell()
            except StateStoreError as exc:
                if not isinstance(exc, LeaseGone):
                    log.info("how the apps stand is not told: %s", exc)
                await asyncio.sleep(RETRY_S)
                self._news.set()

    async def _tell(self) -> None:
        lease = self._lease.id
        if not lease:
            return  # its end was told; the next one is, too
        if lease != self._under:
            self._told, self._under = {}, lease
        wanted = self._wanted()
        news = {key: value for key, value in wanted.items() if self._told.get(key) != value}
        ops: list[Op] = [Put(key, value, lease) for key, value in news.items()]
        ops += [Delete(key) for key in self._told.keys() - wanted.keys()]
        for start in range(0, len(ops), BATCH):
            await self._store.txn((), ops[start : start + BATCH], timeout=TRY_S)
        self._told = wanted

    def _wanted(self) -> dict[str, bytes]:
        found = {host_key(ALIVE, self._me): self._label().encode()}
        for managed in self._held().values():
            found[f"{host_key(OBSERVED, self._me)}/{managed.seq}"] = pack(observed(managed))
        return found


def observed(managed: Managed) -> Observed:
    """How an instance stands."""
    told = managed.entry.deployed
    assert told is not None
    return Observed(
        app=told.app,
        number=told.number,
        what=told.what,
        seq=managed.seq,
        state=managed.state.value,
        fence=told.fence,
        moved_from=told.moved_from,
        reason=managed.reason[:LONGEST_REASON] if managed.phase in _WANTING else "",
    )
