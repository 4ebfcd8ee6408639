"""A local port for datagrams: each program that sends to it gets a task of its own, and a bound."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from components.visor.kit.gate import PortError

log = logging.getLogger(__name__)

MOST: Final = 256  # programs at a time; the one that was silent longest makes room
WAITING: Final = 64  # datagrams of one program that wait for the mesh; more are lost
_PACKET: Final = 65_535

Address = Any  # as sockets of this family have it


class Source:
    """One program, by where its datagrams come from."""

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self._sock = sock
        self._address = address
        self._came: asyncio.Queue[bytes] = asyncio.Queue(WAITING)

    def came(self, data: bytes) -> None:
        """It sent one; where too many wait, this one is lost."""
        if not self._came.full():
            self._came.put_nowait(data)

    async def receive(self) -> bytes:
        """Its next datagram."""
        return await self._came.get()

    def send(self, data: bytes) -> None:
        """Give it one. Raises `OSError`."""
        self._sock.sendto(data, self._address)


Serve = Callable[[Source], Awaitable[None]]


class UdpGate:
    """Bound from the start. Raises `PortError`."""

    def __init__(self, host: str, port: int) -> None:
        self._sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._sock.bind((host, port))
        except OSError as exc:
            self._sock.close()
            raise PortError(f"cannot listen at {host}:{port} for datagrams: {exc.strerror or exc}") from exc
        self._sock.setblocking(False)
        self._sources: OrderedDict[Address, tuple[Source, asyncio.Task[None]]] = OrderedDict()

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._sock.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Listen no more."""
        self._sock.close()

    async def run(self, serve: Serve) -> None:
        """Receive for ever; cancelled, it listens no more and ends all that it serves."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    data, address = await self._received()
                    self._source(address, group, serve).came(data)
            finally:
                self.close()

    async def _received(self) -> tuple[bytes, Address]:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.sock_recvfrom(self._sock, _PACKET)
            except OSError as exc:  # an ICMP error of an earlier datagram
                log.debug("a datagram that is none: %s", exc)

    def _source(self, address: Address, group: asyncio.TaskGroup, serve: Serve) -> Source:
        found = self._sources.get(address)
        if found is not None:
            self._sources.move_to_end(address)
            return found[0]
        if len(self._sources) >= MOST:
            self._sources.popitem(last=False)[1][1].cancel()
        source = Source(self._sock, address)
        self._sources[address] = source, group.create_task(self._guard(address, source, serve))
        return source

    async def _guard(self, address: Address, source: Source, serve: Serve) -> None:
        try:
            await serve(source)
        except Exception:  # a bug in one program's datagrams must not end the others
            log.exception("datagrams failed")
        finally:
            if (held := self._sources.get(address)) is not None and held[0] is source:
                del self._sources[address]
