"""The door of a simulated host: one socket of a context that all share, without an allow list."""

from __future__ import annotations

from collections.abc import Callable

import zmq

from signal_bus import zap
from signal_bus.binding import curve_router
from signal_bus.identity import CurvePair
from signal_bus.peers.link import Link, Port
from signal_bus.reactor import NOW, Channel, Sent, Socket


class GuestDoor:
    """Makes a link for each connection that speaks."""

    def __init__(
        self,
        context: zmq.Context[Socket],
        curve: CurvePair,
        endpoint: str,
        arrived: Callable[[Port], Link],
    ) -> None:
        self._arrived = arrived
        self._links: dict[bytes, Link] = {}
        socket = curve_router(context, zap.PEERS, curve)
        socket.bind(endpoint)
        self._channel = Channel(socket, self._take)

    def close(self) -> None:
        """Hear no more."""
        self._channel.close()

    def forget(self, peer: bytes) -> None:
        """A link is over."""
        self._links.pop(peer, None)

    def send(self, peer: bytes, data: bytes) -> Sent:
        """Queue one message to one connection."""
        return self._channel.send((peer, data))

    def _take(self, socket: Socket) -> None:
        peer, data = socket.recv_multipart(NOW)
        link = self._links.get(peer)
        if link is None:
            link = self._links[peer] = self._arrived(_Way(self, peer))
        link.hear(data)


class _Way:
    """The port of a link that came in."""

    def __init__(self, door: GuestDoor, peer: bytes) -> None:
        self._door = door
        self._peer = peer

    def send(self, data: bytes) -> Sent:
        """Queue one message without waiting."""
        return self._door.send(self._peer, data)

    def close(self, code: str) -> None:
        """Forget the connection."""
        del code
        self._door.forget(self._peer)
