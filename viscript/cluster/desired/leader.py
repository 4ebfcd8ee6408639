"""The one host that plans: elected, it writes where each instance is to run, for as long as it is.

Every write is compared with the key it was elected by: one that was leader before, and does not know yet that
it is no more, writes nothing. Whoever writes in its place gains nothing: hosts believe signatures.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.desired.keys import ASSIGN, LEADER, Assignment, Slot, pack, slot_key
from viscript.cluster.desired.mirror import Mirror
from viscript.cluster.desired.planner import PlanHost, plan
from viscript.statestore.api import OPERATIONS_MAX, Compare, Delete, Op, Put, StateStore
from viscript.statestore.election import elect, vacant
from viscript.statestore.errors import LeaseGone, StateStoreError

log = logging.getLogger(__name__)

TTL_S: Final = 5
EVERY_S: Final = TTL_S / 3
TRY_S: Final = 1.5
STILL_S: Final = TTL_S * 0.6  # how long after its last keepalive it decides
LOOK_S: Final = 5.0  # also without news: what expires does so by the clock
AWAIT_S: Final = 10.0  # how long a new leader waits for hosts that are not there: all may be coming up
PAUSE_S: Final = 0.5
SEEN_S: Final = 2.0
BATCH: Final = OPERATIONS_MAX // 2


class Leader:
    """`run()` it in a task; call `look` when something may have changed."""

    def __init__(
        self,
        store: StateStore,
        me: PublicKey,
        mirror: Mirror,
        hosts: Callable[[], Iterable[PlanHost]],
        *,
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        self.fence = 0  # of our term; 0: we are not
        self._may = may  # whether this host is one to lead
        self._store = store
        self._me = me
        self._mirror = mirror
        self._hosts = hosts
        self._news = asyncio.Event()
        self._kept = 0.0
        self._since = 0.0
        self._met: set[PublicKey] = set()  # hosts that were there at some moment of this term

    def look(self) -> None:
        """Plan soon."""
        self._news.set()

    async def run(self) -> None:
        """Be elected when nobody is, for ever."""
        while True:
            if not self._may():
                await asyncio.sleep(LOOK_S)
                continue
            try:
                await self._term()
            except StateStoreError as exc:
                log.info("no leader from here for now: %s", exc)
                await asyncio.sleep(PAUSE_S)
            finally:
                self.fence = 0

    async def _term(self) -> None:
        self._kept = time.monotonic()
        lease = (await self._store.lease(TTL_S, timeout=TRY_S)).id
        elected = await elect(self._store, LEADER, self._me.hex().encode(), lease, timeout=TRY_S)
        if elected.lease != lease:
            await self._store.revoke(lease, timeout=TRY_S)
            await vacant(self._store, LEADER)
            return
        self.fence, self._since = elected.fence, time.monotonic()
        self._met.clear()
        log.info("this host plans for the cluster: fence=%d", self.fence)
        self._news.set()
        async with asyncio.TaskGroup() as tasks:
            term = [
                tasks.create_task(_till_over(work)) for work in (partial(self._stay, lease), self._plan_on)
            ]
            await asyncio.wait(term, return_when=asyncio.FIRST_COMPLETED)
            for one in term:
                one.cancel()
        log.warning("this host plans no more: its term has ended")

    async def resign(self, fence: int) -> None:
        """End the term that has this fence: another host may plan at once."""
        if fence:
            await self._store.txn((Compare(LEADER, "created", "=", fence),), (Delete(LEADER),), timeout=TRY_S)

    async def _step_down(self) -> None:
        """End the term; where the store does not let us say so any more, it ends with its lease."""
        with suppress(StateStoreError):
            await self.resign(self.fence)
        raise LeaseGone(0)

    async def _stay(self, lease: int) -> None:
        while True:
            sent = time.monotonic()
            try:
                await self._store.keepalive(lease, timeout=TRY_S)
                self._kept = sent
            except LeaseGone:
                raise
            except StateStoreError as exc:
                log.info("the leader's lease was not kept: %s", exc)
                await asyncio.sleep(PAUSE_S)
                continue
            await asyncio.sleep(EVERY_S)

    async def _plan_on(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                pass  # looked at all the same
            self._news.clear()
            try:
                if not self._may():
                    await self._step_down()
                if self._mirror.fresh and time.monotonic() - self._kept < STILL_S:
                    await self._decide()
            except LeaseGone:
                raise
            except StateStoreError as exc:
                log.info("what was planned is not written: %s", exc)
                await asyncio.sleep(PAUSE_S)
                self._news.set()

    async def _decide(self) -> None:
        before = self._mirror.assigned()
        known = {slot: PublicKey(host) for slot, host in before.items()}
        orders = list(self._mirror.deployments().values())
        wanted = await asyncio.to_thread(
            plan, orders, self._awaiting(), known
        )  # of thousands it takes a while
        changes = list(difference(before, wanted))
        for start in range(0, len(changes), BATCH):
            await self._write(changes[start : start + BATCH])

    def _awaiting(self) -> list[PlanHost]:
        """The hosts; one that was not there in this term is not called lost at once."""
        hosts = list(self._hosts())
        self._met |= {host.key for host in hosts if host.alive}
        if time.monotonic() - self._since >= AWAIT_S:
            return hosts
        return [replace(host, awaited=host.key not in self._met) for host in hosts]

    async def _write(self, changes: list[Op]) -> None:
        done = await self._store.txn((Compare(LEADER, "created", "=", self.fence),), changes, timeout=TRY_S)
        if not done.ok:
            raise LeaseGone(0)
        log.info("planned: %d instances have another host", len(changes))
        try:
            async with asyncio.timeout(SEEN_S):
                while self._mirror.revision(ASSIGN) < done.revision:
                    await self._news.wait()
                    self._news.clear()
        except TimeoutError:
            pass  # the next plan starts from what is seen by then
        self._news.set()


async def _till_over(work: Callable[[], Awaitable[None]]) -> None:
    """Return when the term has ended. As a fault it would leave the group of tasks, which then loses a
    cancellation that comes at that moment (Python 3.11 and 3.12): this host would plan for ever."""
    with suppress(LeaseGone):
        await work()


def difference(before: Mapping[Slot, bytes], wanted: Mapping[Slot, bytes]) -> Iterable[Op]:
    """The writes that make one of the other."""
    for slot in sorted(before.keys() | wanted.keys()):
        if slot not in wanted:
            yield Delete(slot_key(ASSIGN, slot))
        elif before.get(slot) != wanted[slot]:
            yield Put(slot_key(ASSIGN, slot), pack(Assignment(wanted[slot], time.time())))
