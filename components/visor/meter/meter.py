"""The meter of a node: looks at the streams, writes down what they moved, has it signed by both ends.

A look each second, written at once, so that a kill loses no more than the last look. Messages to peers go by
groups that are open; nobody is dialled for a receipt.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from components.mesh.errors import MeshError, PeerError
from components.mesh.ports import AppPort
from components.visor.apps.streams import OpenStream
from components.visor.meter.check import Finding, judged, lined_up
from components.visor.meter.exchange import Exchange
from components.visor.meter.limits import FROM_A_PEER, SETTLE_S, TICK_S
from components.visor.meter.receipt import Message, Signed, day_of, decode, encode
from components.visor.meter.store import Store
from components.visor.meter.sums import Line, Sums
from components.visor.meter.watching import Watch
from components.visor.plane.joint import Joint
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

HEARD_MOST: Final = 1024


@dataclass(frozen=True)
class _Heard:
    """A message that waits for its turn."""

    joint: Joint
    body: bytes


class Meter:
    """Opened by `async with`, before the groups, so that it sees the last of their bytes; `run` is a task."""

    def __init__(
        self,
        identity: Identity,
        folder: Path,
        joints: Callable[[], Sequence[Joint]],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`joints`: the groups that are open."""
        self.sums = Sums()
        self.watch = Watch(self.sums)
        self.counts: Counter[str] = Counter()
        self._identity = identity
        self._store = Store(folder, wall)
        self._joints = joints
        self._wall = wall
        self._clock = asyncio.get_running_loop().time
        self._heard: deque[_Heard] = deque()
        self._days: set[int] = set()  # whose figures are in memory
        self._of_peer: Counter[PublicKey] = Counter()  # messages since the last look
        self._woken = asyncio.Event()
        self._answered = asyncio.Event()  # something was
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises `StoreError`."""
        await self._stack.enter_async_context(self._store)
        today = self.today
        await self._load(_around(today))
        killed_by = today if self._store.was_killed else None
        self._exchange = Exchange(self._identity, self.sums, self.watch, killed_by)
        return self

    async def _load(self, days: set[int]) -> None:
        """Have the figures of these days in memory."""
        signed = []
        for kept in await self._store.receipts(min(days), max(days)):
            try:
                signed.append((kept.day, kept.line, kept.signed))
            except PeerError as exc:
                log.error("metering: a receipt in the file cannot be read: %s", exc)
        self.sums.load(await self._store.moved(min(days), max(days)), signed)
        self._days |= days

    async def _day(self) -> int:
        """The UTC day. Clocks leap, either way: what is counted is added to what the file has of that day."""
        today = self.today
        if missing := _around(today) - self._days:
            await self._load(missing)
            self._exchange.clock_is(today)
        return today

    async def __aexit__(self, *exc: object) -> None:
        try:
            self.watch.look(await self._day(), self._clock())
            await self._write(last=True)
        except MeshError as exc:  # the next one finds that this one did not end in order
            log.error("metering: the last figures are lost: %s", exc)
        finally:
            await self._stack.aclose()

    @property
    def today(self) -> int:
        """The UTC day."""
        return day_of(self._wall())

    # -- what is told

    def opened(self, app: str, stream: OpenStream) -> None:
        """An app has a stream."""
        tally = None if stream.mesh is None else stream.mesh.tally
        if tally is not None:
            self.watch.add(app, stream, tally, self._clock())

    def heard(self, joint: Joint, body: memoryview) -> None:
        """A message of a peer; one of too many is dropped: it comes again."""
        self._of_peer[joint.peer] += 1
        if self._of_peer[joint.peer] > FROM_A_PEER or len(self._heard) >= HEARD_MOST:
            self.counts["dropped"] += 1
            return
        self._heard.append(_Heard(joint, bytes(body)))
        self._woken.set()

    # -- going on

    async def run(self) -> None:
        """Look, write and answer until cancelled."""
        next_look = self._clock() + TICK_S
        while True:
            try:
                async with asyncio.timeout_at(next_look):
                    await self._woken.wait()
            except TimeoutError:
                next_look = self._clock() + TICK_S
            try:
                await self.turn(look=not self._woken.is_set())
            except Exception:  # a fault in the figures must not end the node
                self.counts["failed"] += 1
                log.exception("metering failed")

    async def turn(self, *, look: bool) -> None:
        """Answer what was heard; with `look`, count what streams moved, and say what is due."""
        self._woken.clear()
        try:
            await self._answer()
            if look:
                await self._look()
        except MeshError as exc:  # a disk that is full for now: all is kept in memory
            self.counts["unwritten"] += 1
            log.warning("metering: %s", exc)

    async def _look(self) -> None:
        self._of_peer.clear()
        today = await self._day()
        self.watch.look(today, self._clock())
        await self._write()
        self._days &= _around(today)
        self.sums.forget_before(today - 1)
        self.sums.forget_after(today + 1)
        self._say_due()

    async def _answer(self) -> None:
        today = await self._day()
        while self._heard:
            heard = self._heard.popleft()
            try:
                message = decode(heard.body)
                outcome = self._exchange.take(heard.joint.peer, message, self._clock(), today)
            except PeerError as exc:
                self.counts["refused"] += 1
                log.warning("metering: peer=%s: %s", heard.joint.peer.hex(), exc)
                continue
            if outcome.signed is not None:
                await self._write([outcome.signed])
            for answer in outcome.answers:
                self._say(heard.joint, answer)
            self._answered.set()

    async def _write(self, signed: Sequence[tuple[int, Line, Signed]] = (), *, last: bool = False) -> None:
        entries = self.sums.take_changed()
        if not entries and not signed and not last:
            return
        try:
            await self._store.write(entries, signed, last=last)
        except BaseException:
            self.sums.give_back(entries)
            raise

    def _say_due(self) -> None:
        for peer, message in self._exchange.due(self._clock(), self._is_open):
            joint = self._to(peer)
            if joint is not None:
                self._say(joint, message)

    def _say(self, joint: Joint, message: Message) -> None:
        joint.group.send(AppPort.METER, encode(message), source=AppPort.METER)

    def _to(self, peer: PublicKey) -> Joint | None:
        return next((one for one in self._joints() if one.peer == peer and one.open_routes), None)

    def _is_open(self, peer: PublicKey) -> bool:
        return self._to(peer) is not None

    # -- what is asked

    async def settle(self, within_s: float = SETTLE_S) -> None:
        """Have all signed that can be; for so long at most."""
        try:
            self.watch.look(await self._day(), self._clock())
        except MeshError as exc:
            log.warning("metering: nothing new is signed: %s", exc)
            return
        self._exchange.hurry()
        end = self._clock() + within_s
        self._say_due()
        while self._exchange.waiting(self._is_open):
            self._answered.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._answered.wait()
            except TimeoutError:
                return

    async def findings(self, since: int = 0, *, verify: bool) -> list[Finding]:
        """All lines from a day on, as they stand. Raises `StoreError`."""
        self.watch.look(await self._day(), self._clock())
        await self._write()
        lines = lined_up(await self._store.moved(since), await self._store.receipts(since))
        disputes = {key: row.disputed for key, row in self.sums.rows.items() if row.disputed is not None}
        own = self._identity.public_key
        return await asyncio.to_thread(
            lambda: [judged(own, lined, disputes, verify=verify) for lined in lines]
        )


def _around(day: int) -> set[int]:
    """The day, and those that hosts whose clocks differ may have."""
    return {day - 1, day, day + 1}
