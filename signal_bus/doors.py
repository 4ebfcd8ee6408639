"""A ROUTER that knows its connections: who is there is looked up once, then each message costs little.

Connections are told apart by the routing ids our ROUTER makes, five bytes that begin with 0; ROUTER_HANDOVER
stays off. A peer may also name itself, and libzmq takes any name. Two things follow:

* What comes from a peer that named itself is dropped.
* libzmq 4.3.5 aborts the process when it makes an id that a peer has taken already, and its first id is the
  same in every process, because it never seeds `rand`. So `seed_routing_ids` seeds it, our ids are told
  to nobody, and the gate (zap.py) rations connections of other users.
"""

import ctypes
import logging
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import zmq

from signal_bus import limits, zap
from signal_bus.codec import Form
from signal_bus.delegate import Peer
from signal_bus.ids import RoutingId
from signal_bus.reactor import MORE, NOW, Channel, Sent, Socket

log = logging.getLogger(__name__)

_MADE_BY_US: Final = 5  # bytes of a routing id that our ROUTER made


def seed_routing_ids() -> None:
    """Make the routing ids of the next ROUTER unforeseeable. See the head of this file."""
    try:
        ctypes.CDLL(None).srand(ctypes.c_uint(int.from_bytes(os.urandom(4), "little")))
    except (OSError, AttributeError):
        log.warning("cannot seed libzmq's routing ids: other users could guess them")


class Link:
    """One connection: where to send, who is there, and the form it speaks."""

    __slots__ = ("_door", "form", "number", "peer", "routing_id")

    def __init__(self, door: "Door", routing_id: RoutingId, peer: Peer, number: int) -> None:
        self._door = door
        self.routing_id = routing_id
        self.peer = peer
        self.number = number  # for logs and tables: routing ids are told to nobody
        self.form = Form.MSGPACK

    def send(self, data: bytes) -> Sent:
        """Queue one message to this connection without waiting."""
        return self._door.send(self, data)

    def settle(self) -> None:
        """A client joined over this connection: it is remembered until `forget`."""
        self._door.settle(self)

    def forget(self) -> None:
        """The connection no longer matters."""
        self._door.forget(self)


class Door:
    """One ROUTER socket, its connections, and what to do with a message: `deliver(link, data)`."""

    def __init__(
        self,
        name: str,
        socket: Socket,
        deliver: Callable[[Link, bytes], None],
        *,
        numbers: Callable[[], int],
        allowed: zap.Allowed | None = None,
        turns: int = 1,
    ) -> None:
        self.name = name
        self.dropped = 0
        self._strange = 0
        self._deliver = deliver
        self._numbers = numbers
        self._allowed = allowed
        self._links: dict[bytes, Link] = {}
        self._strangers: OrderedDict[bytes, None] = OrderedDict()  # links that may be forgotten
        self._channel = Channel(socket, self._take, turns=turns)

    def __len__(self) -> int:
        return len(self._links)

    def send(self, link: Link, data: bytes) -> Sent:
        """Queue one message without waiting; a link that is gone is forgotten."""
        sent = self._channel.send((link.routing_id, data))
        if sent is Sent.GONE:
            self.forget(link)
        return sent

    def forget(self, link: Link) -> None:
        """The connection is no more, or its peer starts afresh."""
        self._links.pop(link.routing_id, None)
        self._strangers.pop(link.routing_id, None)

    def settle(self, link: Link) -> None:
        """The link matters now (a client joined over it): it is not forgotten to make room."""
        self._strangers.pop(link.routing_id, None)

    def close(self, linger_ms: int = 0) -> None:
        """Close the socket; queued messages may take `linger_ms` to leave."""
        self._channel.close(linger_ms)
        self._links.clear()
        self._strangers.clear()

    def _take(self, socket: Socket) -> None:
        """Receive one message; the frame's properties are asked for on a connection's first only."""
        routing_id = socket.recv(NOW)  # a ROUTER puts one before whatever a peer sends
        link = self._links.get(routing_id)
        if link is None:
            frame = socket.recv(NOW, copy=False)
            data, more = frame.bytes, frame.more
            link = self._meet(RoutingId(routing_id), frame)
        else:
            data, more = socket.recv(NOW), bool(socket.getsockopt(MORE))
            link = self._vouched(link)
        if more:
            _skip_rest(socket)
        if more or link is None:
            self.dropped += 1
            return
        self._deliver(link, data)

    def _meet(self, routing_id: RoutingId, frame: zmq.Frame) -> Link | None:
        """A link for a connection not heard before; none for one that named itself or is shut out."""
        if len(routing_id) != _MADE_BY_US or routing_id[0] != 0:
            self._strange += 1
            if self._strange & (self._strange - 1) == 0:  # the 1st, 2nd, 4th, 8th: a flood fills no log
                log.warning("door=%s: peers that name themselves are not heard: %d", self.name, self._strange)
            return None
        user = _property(frame, "User-Id")
        peer = zap.parse_address(_property(frame, "Peer-Address"), self.name, user)
        link = self._vouched(Link(self, routing_id, peer, self._numbers()))
        if link is not None:
            self._links[routing_id] = link
            self._strangers[routing_id] = None
            if len(self._strangers) > limits.STRANGERS:  # a forgotten peer that speaks again is met again
                self._links.pop(self._strangers.popitem(last=False)[0], None)
        return link

    def _vouched(self, link: Link) -> Link | None:
        """The link, if its user is still on the allow list: ZAP was asked when it connected only."""
        if self._allowed is None or self._allowed.name_of(link.peer.user) is not None:
            return link
        self.forget(link)
        return None


def _property(frame: zmq.Frame, name: str) -> str:
    try:
        return str(frame.get(name))
    except zmq.ZMQError:
        return ""


def _skip_rest(socket: Socket) -> None:
    while True:
        socket.recv(NOW)
        if not socket.getsockopt(MORE):
            return
