"""An SSH connection over a socket, with an eye on what its peer does not read.

asyncssh bounds what a channel holds back, not what it has given to its transport: a peer that opens a window
of gigabytes and reads nothing would fill our memory. So whoever produces much waits for `drained`, and a peer
for whom `WAITING_MAX` waits all the same (answers to small questions, for example) is hung up on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, Final, cast

log = logging.getLogger(__name__)

WAITING_MAX: Final = 16 * 1024 * 1024
LOW: Final = 128 * 1024  # `drained` waits from the second on down to the first
HIGH: Final = 512 * 1024

Connection = asyncio.Protocol  # of asyncssh, which is one


class Carrier(asyncio.Protocol):
    """asyncssh takes it for a tunnel; the loop for the protocol of the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._drained = asyncio.Event()
        self._drained.set()
        self._transport: asyncio.Transport | None = None
        self._connection: Connection | None = None

    async def create_connection(
        self, make: Callable[[], Any], host: str, port: int
    ) -> tuple[Any, Any]:  # Any: asyncssh says channels and sessions, and means transports and protocols
        """What asyncssh asks of a tunnel."""
        self._connection = make()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: self, sock=self._sock)
        return transport, self._connection

    async def drained(self) -> None:
        """Wait until little waits to be sent; returns at the end of the connection too."""
        await self._drained.wait()

    def close_unused(self) -> None:
        """Close the socket, if no connection came of it."""
        if self._connection is None:
            self._sock.close()

    # -- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH, low=LOW)
        self._ours.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass it on, unless its answers are not read."""
        self._ours.data_received(data)
        if self._transport is not None and self._transport.get_write_buffer_size() > WAITING_MAX:
            log.warning("hung up on a client: %d bytes wait for it", self._transport.get_write_buffer_size())
            self._transport.abort()

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._ours.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        self._drained.set()
        self._transport = None
        self._ours.connection_lost(exc)

    def pause_writing(self) -> None:
        """Much waits to be sent."""
        self._drained.clear()

    def resume_writing(self) -> None:
        """Little does."""
        self._drained.set()

    @property
    def _ours(self) -> Connection:
        assert self._connection is not None  # made before there is a transport
        return self._connection
