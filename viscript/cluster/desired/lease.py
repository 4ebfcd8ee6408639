"""This host's lease on the cluster's store: kept, written down for the keeper, made anew when it ended.

What runs under it ends by itself when it is not kept (see `keeper.fence`). A daemon that comes up goes on
with the lease that its keeper's apps run under, if it still is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from viscript.keeper.fence import HOLDS, LEASE_S, boottime, create, is_of_now, keep, kept_at, rung
from viscript.statestore.api import StateStore
from viscript.statestore.errors import LeaseGone, StateStoreError

log = logging.getLogger(__name__)

TTL_S: Final = int(LEASE_S)
EVERY_S: Final = LEASE_S / 5  # so that four seconds are left for an engine to elect another leader
TRY_S: Final = 2.5  # for one keepalive, all members of the engine included
PAUSE_S: Final = 0.2
OLD_S: Final = 60.0  # nothing runs under a lease that was kept so long ago


class HostLease:
    """`run()` it in a task. `changed` hears of each new lease, and of its end."""

    def __init__(
        self,
        store: StateStore,
        folder: Path,
        changed: Callable[[], None],
        *,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self.id = 0  # 0: none
        self.fault = ""
        self._store = store
        self._folder = folder
        self._changed = changed
        self._clock = clock
        self._kept = 0.0

    @property
    def file(self) -> str:
        """The file that says when it was kept."""
        return self.file_of(self.id)

    def file_of(self, lease: int) -> str:
        """The file of one lease."""
        return str(self._folder / f"{lease:x}")

    @property
    def is_kept(self) -> bool:
        """Whether what runs under it may begin."""
        return self.id != 0 and rung(self._kept, self._clock()) == HOLDS

    async def run(self, earlier: Iterable[int] = ()) -> None:
        """Have a lease for ever; first try to go on with one of those, rather with the one kept last."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for lease in sorted(earlier, key=lambda one: kept_at(self.file_of(one)), reverse=True):
            await self._resume(lease)
        while True:
            try:
                await (self._keep() if self.id else self._begin())
                self.fault = ""
            except LeaseGone:
                log.warning("this host's lease %x has ended: exclusive apps end", self.id)
                self._end()
                continue
            except (StateStoreError, OSError) as exc:
                self._fail(exc)
                await asyncio.sleep(PAUSE_S)
                continue
            await asyncio.sleep(rest(self._kept, self._clock()))

    async def end(self) -> None:
        """Give it back, so that nobody waits for its end. Nothing may run under it any more."""
        lease, self.id = self.id, 0
        with contextlib.suppress(StateStoreError):
            if lease:
                await self._store.revoke(lease, timeout=TRY_S)

    async def _resume(self, lease: int) -> None:
        """Go on with it; while what runs under it may, a store that is away is asked again."""
        file = self.file_of(lease)
        if self.id or not is_of_now(file):
            return
        while True:
            sent = self._clock()
            try:
                await self._store.keepalive(lease, timeout=TRY_S)
                keep(file, sent)
            except (StateStoreError, OSError) as exc:
                ended = isinstance(exc, LeaseGone) or rung(kept_at(file), self._clock()) != HOLDS
                if ended:
                    log.warning("the lease %x of before cannot be gone on with: %s", lease, exc)
                    return
                await asyncio.sleep(PAUSE_S)
            else:
                self._take(lease, sent)
                return

    async def _begin(self) -> None:
        sent = self._clock()
        lease = (await self._store.lease(TTL_S, timeout=TRY_S)).id
        self._sweep()
        create(self.file_of(lease))
        keep(self.file_of(lease), sent)
        self._take(lease, sent)

    async def _keep(self) -> None:
        sent = self._clock()
        await self._store.keepalive(self.id, timeout=TRY_S)
        keep(self.file, sent)
        self._kept = sent

    def _take(self, lease: int, sent: float) -> None:
        self.id, self._kept = lease, sent
        self._changed()

    def _end(self) -> None:
        self.id = 0
        self._changed()

    def _fail(self, exc: Exception) -> None:
        if not self.fault:
            log.warning("this host's lease is not kept: %s", exc)
        self.fault = str(exc)

    def _sweep(self) -> None:
        """Files of leases that nothing can run under any more."""
        for file in self._folder.iterdir():
            if not is_of_now(str(file)) or self._clock() - kept_at(str(file)) > OLD_S:
                file.unlink(missing_ok=True)


def rest(kept: float, now: float) -> float:
    """How long until the next keepalive: it is counted from when the last was sent, not from its answer."""
    return min(max(kept + EVERY_S - now, 0.0), EVERY_S)
