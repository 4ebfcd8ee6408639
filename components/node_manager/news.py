"""What changed, told on the bus: in order and bounded; how much was left out of too much is told as well."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from components.node_manager import limits
from components.node_manager.plan import News
from signal_bus.errors import BusError

log = logging.getLogger(__name__)


class Bus(Protocol):
    """What is needed of a signal client."""

    async def event(self, topic: str, data: dict[str, object]) -> None:
        """Tell of something that happened."""


class Outbox:
    """News on their way to the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: asyncio.Queue[News] = asyncio.Queue(limits.NEWS)
        self._missed = 0

    def tell(self, news: News) -> None:
        """Queue it; when the queue is full it is left out, and counted."""
        try:
            self._waiting.put_nowait(news)
        except asyncio.QueueFull:
            self._missed += 1

    async def send_forever(self) -> None:
        """Tell the bus, one after the other."""
        while True:
            news = await self._waiting.get()
            await self._send(news)
            if self._missed and self._waiting.empty():
                missed, self._missed = self._missed, 0
                await self._send(News("mesh.missed", {"count": missed}))

    async def _send(self, news: News) -> None:
        try:
            await self._bus.event(news.topic, dict(news.data))
        except BusError as exc:  # the daemon is away for a moment: what is true can be asked for
            log.debug("news were not told: %s", exc)
