"""Where other hosts connect: doors on tcp and one on ipc, CURVE on all, with one live allow list.

A link is made for each connection that speaks. A host that is let in no longer is not heard from that moment:
the list is asked at each message. Since libzmq closes no single connection, its connection is closed with the
whole door, which is opened again at once; the other hosts that were connected there dial anew.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import zmq

from signal_bus import doors, limits, zap
from signal_bus.binding import bind_ipc, bind_tcp, bound_to, clear_stale, curve_router, open_gate
from signal_bus.identity import CurvePair
from signal_bus.ids import CurveKey, PublicKey
from signal_bus.peers.crowd import Crowd
from signal_bus.peers.doorman import Doorman
from signal_bus.peers.link import Link, Port
from signal_bus.reactor import Channel, Sent, Socket

log = logging.getLogger(__name__)

MUTED_S: Final = 1.0  # for how long a host is not heard whose link was ended for what it sent
TURNS: Final = 4  # at a stretch: all hosts that dialled share one socket, and may not be heard late for that
SOCKETS_MAX: Final = 16_384
HANDSHAKE_MS: Final = 5000  # that a connection may last which has proved no key; each costs a descriptor
BOTH: Final = ("tcp://*:", "tcp://[")  # endpoints of IPv6, or of both protocols
_FAULTS: Final = frozenset({"bad-message", "too-large", "not-permitted", "rate-limited", "not-joined"})


class Arrived(Protocol):
    """Makes the link of a connection that came in; `near`: by the door on ipc."""

    def __call__(self, port: Port, key: PublicKey, *, near: bool) -> Link:
        """The link; it has said hello."""


class PeerDoors:
    """All listening sockets, in a context of their own; links are dialled in the same context."""

    def __init__(
        self,
        *,
        local: str,
        curve: CurvePair,
        arrived: Arrived,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.context: zmq.Context[Socket] = zmq.Context()
        self.endpoints: list[str] = []  # on tcp, with the ports they got
        self._local = local
        self._curve = curve
        self._arrived = arrived
        self._clock = clock
        self._keys: dict[CurveKey, PublicKey] = {}
        self._allowed = zap.Allowed({})
        self._gate = zap.Gate(self._allowed, lambda uid: False, zap.own_uid(), domain=zap.PEERS)
        self._crowd = Crowd(HANDSHAKE_MS / 1000 + 1)
        self._gate.proved = self._crowd.proved
        self._doormen: list[Doorman] = []
        self._numbers = itertools.count(1).__next__
        self._doors: list[doors.Door] = []
        self._to_reopen: list[str] = []  # endpoints that were closed with their connections
        self._links: dict[int, Link] = {}
        self._came: set[PublicKey] = set()  # by tcp, and may be connected yet, whatever became of the link
        self._muted: dict[str, float] = {}
        self._gate_channel: Channel | None = None
        self._file: Path | None = None

    @property
    def denied(self) -> int:
        """Connections that were refused."""
        return self._gate.denied

    @property
    def strangers(self) -> int:
        """Connections on tcp that have proved no key yet."""
        return len(self._crowd)

    @property
    def turned_away(self) -> int:
        """Connections that were ended since there were too many without a key."""
        return self._crowd.turned_away

    async def open(self) -> None:
        """Open the door on ipc. Raises `EndpointTaken`, or `zmq.ZMQError` where it cannot be bound."""
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.context.max_sockets = SOCKETS_MAX
        doors.seed_routing_ids()
        self._gate_channel = open_gate(self.context, self._gate, self._clock)
        clear_stale(self._local)
        socket = self._router(self._local)
        self._file = bind_ipc(socket, self._local, 0o600)
        self._doors.append(self._door(socket, near=True))

    async def listen(self, endpoint: str, *, patient: bool = True) -> None:
        """Open a door on tcp; a `patient` one waits for its port to be free. Raises `zmq.ZMQError`."""
        patience_s = limits.REBIND_S if patient else 0.0
        doormen: list[Doorman] = []

        def made() -> Socket:
            self._dismiss(doormen)
            socket = self._router(endpoint)
            doormen.append(Doorman(self.context, socket, self._crowd, self._clock))
            return socket

        try:
            socket = await bind_tcp(made, endpoint, self._clock, patience_s)
        except BaseException:
            self._dismiss(doormen)
            raise
        bound = bound_to(socket)
        doormen[0].stands_at(int(bound.rpartition(":")[2]))
        self._doormen += doormen
        self.endpoints.append(bound)
        self._doors.append(self._door(socket, near=False))

    @staticmethod
    def _dismiss(doormen: list[Doorman]) -> None:
        for one in doormen:
            one.close()
        doormen.clear()

    def close(self) -> None:
        """Close every door. Dialled connections are closed before, by who dialled."""
        self._close_doors()
        if self._gate_channel is not None:
            self._gate_channel.close()
        self.context.destroy(limits.LINGER_MS)
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    async def let_in(self, keys: Mapping[CurveKey, PublicKey]) -> None:
        """From now on these are the keys let in, and whose they are. Ends the links of all others."""
        gone = {key: of for key, of in self._keys.items() if keys.get(key) != of}
        for key, of in keys.items():
            self._allowed.add(key, of.hex())
        for key in gone.keys() - keys.keys():
            self._allowed.remove(key)
        self._keys = dict(keys)
        out = set(gone.values())
        for link in [one for one in self._links.values() if one.key in out]:
            link.end("revoked", "this key is no longer let in")
        if out & self._came:
            self._close_tcp()
        await self._reopen()

    # One by one.

    def _router(self, endpoint: str) -> Socket:
        socket = curve_router(self.context, zap.PEERS, self._curve)
        socket.handshake_ivl = HANDSHAKE_MS
        socket.ipv6 = endpoint.startswith(BOTH)  # else libzmq binds the older protocol only
        return socket

    def _close_tcp(self) -> None:
        """Close the doors on tcp with all their connections."""
        self._to_reopen += self.endpoints
        self.endpoints.clear()
        self._dismiss(self._doormen)
        for door in self._doors[1:]:
            door.close()
        del self._doors[1:]
        self._came.clear()
        for link in tuple(self._links.values()):
            link.end("renewed", "the door is opened anew")

    async def _reopen(self) -> None:
        """Open them again on the same ports; one that cannot be opened is tried again with the next list."""
        while self._to_reopen:
            await self.listen(self._to_reopen[0])
            del self._to_reopen[0]

    def _close_doors(self) -> None:
        for link in tuple(self._links.values()):
            link.end("stopped", "the daemon ends")
        self._dismiss(self._doormen)
        for door in self._doors:
            door.close(limits.LINGER_MS)  # the goodbyes
        self._doors.clear()

    def _door(self, socket: Socket, *, near: bool) -> doors.Door:
        take = partial(self._take, near=near)
        return doors.Door(zap.PEERS, socket, take, numbers=self._numbers, allowed=self._allowed, turns=TURNS)

    def _take(self, way: doors.Link, data: bytes, *, near: bool) -> None:
        link = self._links.get(way.number) or self._meet(way, near=near)
        if link is not None:
            link.hear(data)

    def _meet(self, way: doors.Link, *, near: bool) -> Link | None:
        """The link of a connection that was not heard before; none while its host is muted.

        A connection that is in use is never muted: what is missing from a stream would not be noticed.
        """
        name = self._allowed.name_of(way.peer.user)
        if name is None or self._is_muted(way.peer.user):
            return None
        way.settle()
        link = self._arrived(_Way(self, way), PublicKey(bytes.fromhex(name)), near=near)
        if not near:
            self._came.add(link.key)
        if not link.over:  # refused as it came
            self._links[way.number] = link
        return link

    def _is_muted(self, user: str) -> bool:
        until = self._muted.get(user)
        if until is not None and self._clock() >= until:
            del self._muted[user]
            return False
        return until is not None

    def left(self, way: doors.Link, code: str) -> None:
        """The link of a connection is over; one that was faulty is not heard for a moment."""
        self._links.pop(way.number, None)
        way.forget()
        if code in _FAULTS:
            self._muted[way.peer.user] = self._clock() + MUTED_S


class _Way:
    """The port of a link that came in at a door."""

    def __init__(self, owner: PeerDoors, way: doors.Link) -> None:
        self._owner = owner
        self._way = way

    def send(self, data: bytes) -> Sent:
        """Queue one message without waiting."""
        return self._way.send(data)

    def close(self, code: str) -> None:
        """Forget the connection; one that was faulty is not heard for a moment."""
        self._owner.left(self._way, code)
