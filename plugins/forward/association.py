"""Datagrams of two programs that talk to each other, over one stream; it ends when both are silent."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from components.visor.app import Stream
from components.visor.kit.tally import Tally
from components.visor.kit.tasks import first_of
from plugins.forward.packets import LARGEST, Unpacker, packed

log = logging.getLogger(__name__)

IDLE_S: Final = 60.0
_PIECE: Final = 65_536


class Socket(Protocol):
    """The program's side."""

    async def receive(self) -> bytes:
        """Its next datagram."""

    def send(self, data: bytes) -> None:
        """Give it one. Raises `OSError` when it cannot be taken; then it is lost."""


class Association:
    """Carries datagrams both ways."""

    def __init__(self, stream: Stream, program: Socket, tally: Tally, *, idle_s: float = IDLE_S) -> None:
        self._stream = stream
        self._program = program
        self._tally = tally
        self._idle_s = idle_s
        self._limit = asyncio.timeout(idle_s)

    async def run(self) -> None:
        """Until nothing came for a while, or the stream ends. Raises `AppError` or `OSError`."""
        try:
            async with self._limit:
                await first_of(self._out(), self._in())
        except TimeoutError:
            if not self._limit.expired():
                raise

    async def _out(self) -> None:
        while True:
            data = await self._program.receive()
            self._heard()
            self._stream.write(packed(data))
            self._tally.went(len(data))
            await self._stream.drain()

    async def _in(self) -> None:
        unpacker = Unpacker()
        while data := await self._stream.read(_PIECE):
            for datagram in unpacker.feed(data):
                self._heard()
                self._give(datagram)

    def _give(self, datagram: bytes) -> None:
        if len(datagram) > LARGEST:
            return
        try:
            self._program.send(datagram)
        except OSError as exc:  # a full buffer, or nobody there: datagrams may be lost
            log.debug("lost a datagram: %s", exc)
            return
        self._tally.came(len(datagram))

    def _heard(self) -> None:
        self._limit.reschedule(asyncio.get_running_loop().time() + self._idle_s)
