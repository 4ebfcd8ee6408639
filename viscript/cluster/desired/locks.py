"""Locks of the whole cluster that apps of this host ask for over the bus.

A lock is a key that was made by compare-and-set under this host's lease; its revision is the fence. It
belongs to one run of one app. Before the app hears that it has it, the keeper knows that this run ends with
the lease. An app asks again and again: the answer is what is known now, and the store is asked beside it.

A run whose lock ended with the lease gets no other: its keeper ends it. A daemon that comes up goes on with
the locks of the runs that go on, and gives back those of runs that are over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from signal_bus.delegate import Refusal
from signal_bus.ids import PublicKey
from signal_bus.messages import Fence
from viscript.cluster.desired.keys import LOCK
from viscript.cluster.desired.lease import HostLease
from viscript.statestore.api import Compare, Delete, StateStore
from viscript.statestore.election import elect
from viscript.statestore.errors import StateStoreError
from viscript.supervisor.keeper_port import Keeper, KeeperError

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5
TRY_S: Final = 2.0
MOST: Final = 1000  # wishes of one host

Run = tuple[int, int]  # an app's id and which launch of it


class Holder(msgspec.Struct, frozen=True):
    """Who has a lock, as it is written in the store."""

    host: bytes
    label: str
    seq: int
    generation: int


@dataclass(frozen=True)
class Grip:
    """A lock that an app of ours has."""

    run: Run
    fence: int
    lease: int


class Locks:
    """`run()` it in a task. `lives` says whether that very run goes on."""

    def __init__(
        self,
        store: StateStore,
        lease: HostLease,
        keeper: Keeper,
        *,
        me: PublicKey,
        label: Callable[[], str],
        lives: Callable[[Run], bool],
    ) -> None:
        self._store = store
        self._lease = lease
        self._keeper = keeper
        self._me = me
        self._label = label
        self._lives = lives
        self._wishes: dict[str, list[Run]] = {}
        self._grips: dict[str, Grip] = {}
        self._others: dict[str, str] = {}
        self._ousted: set[Run] = set()  # those that live and had a lock that has ended with its lease
        self._adopted = 0  # the lease whose locks were looked at
        self._news = asyncio.Event()

    @property
    def given(self) -> bool:
        """Whether a run of this host has a lock."""
        return bool(self._grips)

    def ask(self, seq: int, generation: int, name: str, *, release: bool) -> Fence | Refusal:
        """What is known now; the wish is seen to."""
        run, wishes = (seq, generation), self._wishes.get(name, [])
        self._news.set()
        if release:
            if run in wishes:
                wishes.remove(run)
            return Fence()
        if run not in wishes:
            wishes = self._wishes.setdefault(name, wishes)
            if sum(map(len, self._wishes.values())) >= MOST:
                return Refusal("busy", f"{MOST} locks are wished for on this host already", retry=True)
            wishes.append(run)
        grip = self._grips.get(name)
        if grip is not None and grip.run == run and grip.lease == self._lease.id and self._lease.is_kept:
            return Fence(fence=grip.fence)
        return Fence(
            holder=f"{self._label()}/{grip.run[0]}" if grip is not None else self._others.get(name, "")
        )

    async def run(self) -> None:
        """See to all wishes, for ever."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                pass  # runs end without telling
            self._news.clear()
            await self._guarded("of before", self._adopt())
            for name in tuple(self._wishes.keys() | self._grips.keys()):
                await self._guarded(name, self._see_to(name))

    async def _guarded(self, name: str, work: Awaitable[None]) -> None:
        try:
            await work
        except (StateStoreError, KeeperError) as exc:
            log.info("lock %s: %s", name, exc)

    async def _adopt(self) -> None:
        """Locks under our lease that we know nothing of are those of an earlier daemon."""
        lease = self._lease.id
        if lease == self._adopted or not self._lease.is_kept:
            return
        for item in (await self._store.range(LOCK, timeout=TRY_S)).items:
            name, holder = item.key.removeprefix(LOCK), _holder(item.value)
            if item.lease != lease or name in self._grips:
                continue
            run = None if holder is None else (holder.seq, holder.generation)
            if run is None or not self._lives(run):
                await self._delete(name, item.created)
                continue
            self._grips[name] = Grip(run, item.created, lease)
            wishes = self._wishes.setdefault(name, [])
            wishes[:] = [run, *(one for one in wishes if one != run)]
        self._adopted = lease

    async def _see_to(self, name: str) -> None:
        wishes = [run for run in self._wishes.get(name, ()) if self._lives(run)]
        self._wishes[name] = wishes
        self._ousted = {run for run in self._ousted if self._lives(run)}
        grip = self._grips.get(name)
        if grip is not None and grip.lease != self._lease.id:
            del self._grips[name]
            self._ousted.add(grip.run)
        elif grip is not None and grip.run not in wishes:
            await self._let_go(name, grip)
        if wishes and name not in self._grips and self._lease.is_kept:
            await self._take_next(name, wishes)
        if not wishes and name not in self._grips:
            self._wishes.pop(name, None)
            self._others.pop(name, None)

    async def _take_next(self, name: str, wishes: Sequence[Run]) -> None:
        run = next((one for one in wishes if one not in self._ousted), None)
        if run is not None:
            await self._take(name, run)
        elif (item := await self._store.get(LOCK + name, timeout=TRY_S)) is not None:
            self._note_holder(name, _holder(item.value))

    def _note_holder(self, name: str, holder: Holder | None) -> None:
        self._others[name] = "" if holder is None else f"{holder.label}/{holder.seq}"

    async def _take(self, name: str, run: Run) -> None:
        lease, key = self._lease.id, LOCK + name
        value = msgspec.msgpack.encode(Holder(self._me, self._label(), *run))
        elected = await elect(self._store, key, value, lease, timeout=TRY_S)
        holder = _holder(elected.value)
        if elected.lease != lease:
            self._note_holder(name, holder)
            return
        if holder is None or (holder.seq, holder.generation) != run:  # of an earlier daemon here
            await self._delete(name, elected.fence)
            return
        fence = {"lease": f"{lease:x}", "key": key, "revision": elected.fence, "file": self._lease.file}
        try:
            await self._keeper.ask("hold", seq=run[0], gen=run[1], fence=fence)
        except KeeperError:
            await self._delete(name, elected.fence)
            raise
        self._grips[name] = Grip(run, elected.fence, lease)
        log.info("lock %s: seq=%d fence=%d", name, run[0], elected.fence)

    async def _let_go(self, name: str, grip: Grip) -> None:
        await self._delete(name, grip.fence)
        del self._grips[name]
        others = any(one.run == grip.run for one in self._grips.values())
        if self._lives(grip.run) and not others:
            await self._keeper.ask("hold", seq=grip.run[0], gen=grip.run[1], fence=None)

    async def _delete(self, name: str, fence: int) -> None:
        key = LOCK + name
        await self._store.txn((Compare(key, "created", "=", fence),), (Delete(key),), timeout=TRY_S)


def _holder(value: bytes) -> Holder | None:
    try:
        return msgspec.msgpack.decode(value, type=Holder)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
