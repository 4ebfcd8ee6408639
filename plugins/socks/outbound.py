"""The exit's end of a UDP association: one socket for each family, and answers only from who was asked."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from typing import Final, TypeVar

from components.visor.app import Stream
from components.visor.kit.ledger import Entry
from components.visor.kit.tasks import first_of
from plugins.socks import datagrams
from plugins.socks.connect import Own, own_addresses, places
from plugins.socks.datagrams import Datagram
from plugins.socks.destination import BadDestination, Destination
from plugins.socks.policy import Policy
from plugins.socks.resolver import LookUp, NotConnected, Place

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

ASKED_MOST: Final = 256  # places that may answer, and names that are remembered; the oldest is forgotten
_PACKET: Final = 65_535


class Outbound:
    """Carries the datagrams of one stream."""

    def __init__(
        self, stream: Stream, policy: Policy, entry: Entry, look_up: LookUp, own: Own = own_addresses
    ) -> None:
        self._stream = stream
        self._policy = policy
        self._entry = entry
        self._look_up = look_up
        self._own = own
        self._places: OrderedDict[Destination, Place] = OrderedDict()
        self._asked: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._sockets: dict[int, socket.socket] = {}

    async def run(self, first: bytes = b"") -> None:
        """Until the stream ends. `first` was read from it already."""
        try:
            for family in (socket.AF_INET, socket.AF_INET6):
                self._open(family)
            downs = [self._down(sock) for sock in self._sockets.values()]
            await first_of(self._up(first), *downs)
        finally:
            for sock in self._sockets.values():
                sock.close()

    def _open(self, family: int) -> None:
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as exc:  # a host without IPv6
            log.info("no datagrams of family=%d: %s", family, exc)
            return
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", 0))
        self._sockets[family] = sock

    async def _up(self, first: bytes) -> None:
        buffer = first
        while True:
            while len(buffer) >= 2 and len(buffer) >= (end := 2 + int.from_bytes(buffer[:2], "big")):
                await self._forward(buffer[2:end])
                buffer = buffer[end:]
            more = await self._stream.read(_PACKET)
            if not more:
                return
            buffer += more

    async def _forward(self, body: bytes) -> None:
        """Send one on; one that cannot go is lost, as datagrams are."""
        try:
            datagram = datagrams.of_stream(body)
            place = await self._place(datagram.place)
            _remember(self._asked, place.address, None)
            self._sockets[place.family].sendto(datagram.data, place.address)
        except (BadDestination, NotConnected, KeyError, OSError) as exc:
            log.debug("dropped a datagram: %s", exc)
            return
        self._entry.tally.came(len(datagram.data))

    async def _place(self, destination: Destination) -> Place:
        """Where a name leads, looked up and judged once for a while. Raises `NotConnected`."""
        if destination not in self._places:
            found = await places(destination, self._policy, self._look_up, self._own, kind=socket.SOCK_DGRAM)
            _remember(self._places, destination, found[0])
        return self._places[destination]

    async def _down(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data, source = await loop.sock_recvfrom(sock, _PACKET)
            except OSError as exc:  # an ICMP error of an earlier datagram
                log.debug("an answer that is none: %s", exc)
                continue
            place = Destination(str(source[0]), int(source[1]))
            if (place.host, place.port) in self._asked:
                self._stream.write(datagrams.for_stream(Datagram(place, data)))
                self._entry.tally.went(len(data))
                await self._stream.drain()


def _remember(into: OrderedDict[K, V], key: K, value: V) -> None:
    into[key] = value
    into.move_to_end(key)
    if len(into) > ASKED_MOST:
        into.popitem(last=False)
