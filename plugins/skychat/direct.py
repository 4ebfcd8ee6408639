"""One stream to a peer that is there: our items out, its receipts in."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from components.visor.app import Stream
from components.visor.kit.tasks import first_of
from plugins.skychat.desk import Desk
from plugins.skychat.progress import State
from plugins.skychat.wire import HEAD, MAGIC, Got, Item, Say, Seen, WireError, receipt_of, record, size_of

log = logging.getLogger(__name__)

WINDOW: Final = 256  # items without a receipt
ACK_S: Final = 20.0  # a peer that says nothing for so long is not there
IDLE_S: Final = 60.0  # a stream with nothing to carry


class Direct:
    """`wake` is set by whoever has something new for the peer."""

    def __init__(
        self, desk: Desk, peer: bytes, wake: asyncio.Event, may_stay: Callable[[], bool] = lambda: True
    ) -> None:
        """`may_stay` tells whether nobody else needs the place while there is nothing to carry."""
        self._desk = desk
        self._peer = peer
        self._wake = wake
        self._may_stay = may_stay
        self._flight: deque[Item] = deque()
        self._behind = 0  # the last number that was sent here
        self._asked = 0  # the last number that the peer said it lacks
        self._heard_at = 0.0

    async def run(self, stream: Stream) -> None:
        """Bring all there is, and stay for what follows; until nothing did for a while.

        Raises `AppError`, `WireError`, `EOFError` or `TimeoutError` when the peer is not there any more.
        """
        stream.write(MAGIC)
        try:
            await first_of(self._send(stream), self._hear(stream))
        finally:
            numbers = [item.number for item in self._flight if isinstance(item, Say)]
            await self._desk.told(self._peer, numbers, State.QUEUED)

    async def _send(self, stream: Stream) -> None:
        while True:
            self._wake.clear()
            items = await self._next()
            if items:
                if not self._flight:
                    self._heard_at = _now()
                self._flight += items
                stream.write(b"".join(record(item) for item in items))
                await stream.drain()
            elif not await self._woken():
                return

    async def _next(self) -> list[Item]:
        """What goes now: texts that the peer lacks, and what was read of its own."""
        if len(self._flight) >= WINDOW:
            return []
        items: list[Item] = [copy.say for copy in await self._desk.copies(self._peer, self._behind)]
        if items:
            numbers = [item.number for item in items if isinstance(item, Say)]
            self._behind = numbers[-1]
            await self._desk.told(self._peer, numbers, State.SENT)
        if not any(isinstance(item, Seen) for item in self._flight):
            seen = await self._desk.unseen(self._peer)
            items += [] if seen is None else [seen]
        return items

    async def _woken(self) -> bool:
        """Wait for news; false when nothing is on its way and none came. Raises `TimeoutError`."""
        if not self._flight and not self._may_stay():
            return False
        try:
            limit = self._heard_at + ACK_S if self._flight else _now() + IDLE_S
            async with asyncio.timeout_at(limit):
                await self._wake.wait()
        except TimeoutError:
            if self._flight:
                raise TimeoutError(f"no receipt within {ACK_S:g} s") from None
            return False
        return True

    async def _hear(self, stream: Stream) -> None:
        while True:
            head = await stream.readexactly(HEAD)
            got = receipt_of(await stream.readexactly(size_of(head)))
            if got.count > len(self._flight):
                raise WireError(f"a receipt for {got.count} items, and {len(self._flight)} were sent")
            await self._got([self._flight.popleft() for _ in range(got.count)], got)
            self._heard_at = _now()
            self._wake.set()

    async def _got(self, items: list[Item], got: Got) -> None:
        numbers = [item.number for item in items if isinstance(item, Say)]
        await self._desk.told(self._peer, numbers, State.DELIVERED)
        for item in items:
            if isinstance(item, Seen):
                await self._desk.seen_told(self._peer, item)
        if numbers and self._asked < got.next <= numbers[-1]:
            self._asked = numbers[-1]
            count = await self._desk.again(self._peer, got.next, numbers[0])
            if count:
                log.info("peer=%s lacks %d texts from number %d on", self._peer.hex()[:8], count, got.next)
                self._behind = got.next - 1


def _now() -> float:
    return asyncio.get_running_loop().time()
