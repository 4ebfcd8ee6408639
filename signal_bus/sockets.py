"""The server's sockets: opened together, closed together, the tcp door also on its own.

libzmq's bind on ipc removes whatever socket file is there, also that of a live server. The caller holds a
lock on its home; here a live listener is refused as well, and only a stale file is replaced.
"""

import asyncio
import itertools
import logging
import socket as plain
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zmq

from signal_bus import limits, zap
from signal_bus.doors import Door, Link, seed_routing_ids
from signal_bus.errors import EndpointTaken
from signal_bus.identity import CurvePair
from signal_bus.reactor import Channel, Sent, Socket

log = logging.getLogger(__name__)

Deliver = Callable[[Link, bytes], None]

_RETRY_S: Final = 0.02
_HEARTBEAT_MS: Final = 5000  # ends connections to hosts that fell off the network


class Sockets:
    """All sockets of one server, in one ZeroMQ context of their own."""

    def __init__(
        self,
        *,
        apps_endpoint: str,
        operator_endpoint: str | None,
        events_endpoint: str | None,
        tcp_endpoint: str | None,
        curve: CurvePair | None,
        allowed: zap.Allowed,
        gate: zap.Gate,
        clock: Callable[[], float],
    ) -> None:
        self.tcp_endpoint = tcp_endpoint
        self._apps_endpoint = apps_endpoint
        self._operator_endpoint = operator_endpoint
        self._events_endpoint = events_endpoint
        self._curve = curve
        self._allowed = allowed
        self._gate = gate
        self._clock = clock
        self._numbers = itertools.count(1).__next__
        self._context: zmq.Context[Socket] | None = None
        self._doors: dict[str, Door] = {}
        self._channels: list[Channel] = []
        self._events: Channel | None = None
        self._on_client: Deliver | None = None
        self._unsent = 0
        self._files: list[Path] = []  # that we made; those of another server stay

    async def open(self, on_client: Deliver, on_operator: Deliver) -> None:
        """Open every door. Raises `EndpointTaken`, or `OSError` where a socket cannot be bound."""
        self._on_client = on_client
        self._context = zmq.Context()
        self._context.max_sockets = 64
        seed_routing_ids()
        self._open_gate()
        if self.tcp_endpoint:  # first: it may wait for its port, and nothing may arrive before all is open
            await self._open_tcp(self.tcp_endpoint)
        self._open_door(zap.APPS, self._apps_endpoint, on_client, 0o666)
        if self._operator_endpoint:
            self._open_door(zap.OPERATORS, self._operator_endpoint, on_operator, 0o600)
        if self._events_endpoint:
            self._open_events(self._events_endpoint)

    async def close(self) -> None:
        """Close every socket; the ipc files go too."""
        for door in self._doors.values():
            door.close()
        for channel in self._channels:
            channel.close()
        self._doors.clear()
        self._channels.clear()
        self._events = None
        if self._context is not None:
            self._context.term()
            self._context = None
            self._remove_files()

    async def rebind_tcp(self) -> None:
        """Close the tcp door with all its connections and open it again on the same port."""
        door = self._doors.pop(zap.TCP, None)
        if door is not None and self.tcp_endpoint:
            door.close()
            await self._open_tcp(self.tcp_endpoint)

    def publish(self, topic: bytes, data: bytes) -> None:
        """Hand one event to the subscribers on this host."""
        if self._events is not None and self._events.send((topic, data)) is not Sent.OK:
            self._unsent += 1

    def counters(self) -> dict[str, int]:
        """Links and dropped messages by door."""
        counted = {f"{name}-links": len(door) for name, door in self._doors.items()}
        counted |= {f"{name}-dropped": door.dropped for name, door in self._doors.items()}
        return counted | {"events-unsent": self._unsent}

    # One by one.

    def _socket(self, kind: int) -> Socket:
        assert self._context is not None  # opened before
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.maxmsgsize = limits.MESSAGE_BYTES
        socket.sndhwm = socket.rcvhwm = limits.QUEUE_MESSAGES
        socket.backlog = limits.BACKLOG
        return socket

    def _open_gate(self) -> None:
        socket = self._socket(zmq.ROUTER)
        socket.maxmsgsize = -1  # inproc: only libzmq itself speaks here
        socket.sndhwm = socket.rcvhwm = 0
        socket.bind(zap.ENDPOINT)

        def take(socket: Socket) -> None:
            reply = self._gate.reply(socket.recv_multipart(zmq.NOBLOCK), self._clock())
            if reply is not None:
                socket.send_multipart(reply, zmq.NOBLOCK)

        self._channels.append(Channel(socket, take))

    def _open_door(self, name: str, endpoint: str, deliver: Deliver, mode: int) -> None:
        clear_stale(endpoint)
        socket = self._socket(zmq.ROUTER)
        socket.router_mandatory = 1
        socket.setsockopt(zmq.ZAP_DOMAIN, name.encode())
        self._bind(socket, endpoint, mode)
        self._doors[name] = Door(name, socket, deliver, numbers=self._numbers)

    def _open_events(self, endpoint: str) -> None:
        clear_stale(endpoint)
        socket = self._socket(zmq.PUB)
        socket.sndhwm = limits.EVENTS_KEPT
        socket.setsockopt(zmq.ZAP_DOMAIN, zap.OPERATORS.encode())
        self._bind(socket, endpoint, 0o600)
        self._events = Channel(socket, _nothing_to_take)
        self._channels.append(self._events)

    async def _open_tcp(self, endpoint: str) -> None:
        """Bind the tcp door; the port of one just closed is free a moment later."""
        deadline = self._clock() + limits.REBIND_S
        while True:
            socket = self._tcp_socket()
            try:
                socket.bind(endpoint)
                break
            except zmq.ZMQError as exc:
                socket.close()
                if exc.errno != zmq.EADDRINUSE or self._clock() > deadline:
                    raise
            await asyncio.sleep(_RETRY_S)
        self.tcp_endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
        assert self._on_client is not None  # opened before
        self._doors[zap.TCP] = Door(
            zap.TCP, socket, self._on_client, numbers=self._numbers, allowed=self._allowed
        )

    def _tcp_socket(self) -> Socket:
        assert self._curve is not None  # the server refuses a tcp door without an identity
        socket = self._socket(zmq.ROUTER)
        socket.router_mandatory = 1
        socket.setsockopt(zmq.ZAP_DOMAIN, zap.TCP.encode())
        socket.curve_server = True
        socket.curve_secretkey = self._curve.secret
        socket.heartbeat_ivl = _HEARTBEAT_MS
        socket.heartbeat_timeout = 3 * _HEARTBEAT_MS
        return socket

    def _remove_files(self) -> None:
        for path in self._files:
            path.unlink(missing_ok=True)
        self._files.clear()

    def _bind(self, socket: Socket, endpoint: str, mode: int) -> None:
        try:
            socket.bind(endpoint)
        except zmq.ZMQError:
            socket.close()
            raise
        if endpoint.startswith("ipc://"):
            path = Path(endpoint.removeprefix("ipc://"))
            path.chmod(mode)
            self._files.append(path)


def clear_stale(endpoint: str) -> None:
    """Remove the socket file of a server that died. Raises `EndpointTaken` when one listens there."""
    if not endpoint.startswith("ipc://"):
        return
    path = Path(endpoint.removeprefix("ipc://"))
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise EndpointTaken(endpoint)
    with plain.socket(plain.AF_UNIX) as probe:
        probe.settimeout(limits.PROBE_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:  # a full backlog or no answer: somebody is there
            raise EndpointTaken(endpoint) from None
    raise EndpointTaken(endpoint)


def _nothing_to_take(socket: Socket) -> None:
    """A PUB has nothing to receive, but must be asked, or its descriptor stays readable."""
    socket.getsockopt(zmq.EVENTS)
    raise zmq.Again
