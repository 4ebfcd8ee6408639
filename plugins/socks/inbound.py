"""The client's end of a UDP association: a socket for one program, as long as its TCP connection lives."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from typing import Final

from components.visor.app import Stream
from components.visor.kit.ledger import Entry
from components.visor.kit.tasks import first_of
from plugins.socks import datagrams
from plugins.socks.destination import BadDestination, Destination

log = logging.getLogger(__name__)

_PACKET: Final = 65_535


class Inbound:
    """`sock` is the program's TCP connection; datagrams are taken from its host only."""

    def __init__(self, sock: socket.socket, stream: Stream, entry: Entry) -> None:
        """Raises `OSError` when there is no socket to be had."""
        self._sock = sock
        self._stream = stream
        self._entry = entry
        self._host = plain(sock.getpeername()[0])
        self._program: tuple[str, int] | None = None  # the first that sends; then nobody else
        self._udp = socket.socket(sock.family, socket.SOCK_DGRAM)
        self._udp.setblocking(False)
        self._udp.bind((sock.getsockname()[0], 0))

    @property
    def bound(self) -> Destination:
        """Where the program sends its datagrams."""
        host, port = self._udp.getsockname()[:2]
        return Destination(plain(host), port)

    async def run(self, first: bytes) -> None:
        """Until the program hangs up or the exit does. `first` came from the stream already."""
        try:
            await first_of(self._hung_up(), self._up(), self._down(first))
        finally:
            self._udp.close()

    async def _hung_up(self) -> None:
        loop = asyncio.get_running_loop()
        while await loop.sock_recv(self._sock, _PACKET):  # a program has nothing to say here
            pass

    async def _up(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            packet, source = await loop.sock_recvfrom(self._udp, _PACKET)
            datagram = datagrams.of_program(packet)
            if datagram is None or not self._is_ours(source[:2]):
                continue
            self._stream.write(datagrams.for_stream(datagram))
            self._entry.tally.went(len(datagram.data))
            await self._stream.drain()

    def _is_ours(self, source: tuple[str, int]) -> bool:
        if self._program is None and plain(source[0]) == self._host:
            self._program = source
        return source == self._program

    async def _down(self, first: bytes) -> None:
        buffer = first
        while True:
            while len(buffer) >= 2 and len(buffer) >= (end := 2 + int.from_bytes(buffer[:2], "big")):
                self._give(buffer[2:end])
                buffer = buffer[end:]
            more = await self._stream.read(_PACKET)
            if not more:
                return
            buffer += more

    def _give(self, body: bytes) -> None:
        """Give the program one; one that it cannot take is lost, as datagrams are."""
        if self._program is None:
            return
        try:
            datagram = datagrams.of_stream(body)
            self._udp.sendto(datagrams.for_program(datagram), self._program)
        except (BadDestination, OSError) as exc:
            log.debug("dropped an answer: %s", exc)
            return
        self._entry.tally.came(len(datagram.data))


def plain(host: str) -> str:
    """An address without the IPv6 form of an IPv4 one."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if address.version == 6 else None
    return str(mapped or address)
