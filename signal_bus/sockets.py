"""The server's sockets: opened together, closed together, the tcp door also on its own."""

import itertools
import logging
from collections.abc import Callable
from pathlib import Path

import zmq

from signal_bus import limits, zap
from signal_bus.binding import (
    bind_ipc,
    bind_tcp,
    bound_to,
    bounded_socket,
    clear_stale,
    curve_router,
    open_gate,
)
from signal_bus.doors import Door, Link, seed_routing_ids
from signal_bus.identity import CurvePair
from signal_bus.reactor import Channel, Sent, Socket

log = logging.getLogger(__name__)

Deliver = Callable[[Link, bytes], None]


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
        self._channels.append(open_gate(self._context, self._gate, self._clock))
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
        return bounded_socket(self._context, kind)

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
        assert self._context is not None  # opened before
        assert self._curve is not None  # the server refuses a tcp door without an identity
        assert self._on_client is not None
        context, curve = self._context, self._curve
        socket = await bind_tcp(lambda: curve_router(context, zap.TCP, curve), endpoint, self._clock)
        self.tcp_endpoint = bound_to(socket)
        self._doors[zap.TCP] = Door(
            zap.TCP, socket, self._on_client, numbers=self._numbers, allowed=self._allowed
        )

    def _remove_files(self) -> None:
        for path in self._files:
            path.unlink(missing_ok=True)
        self._files.clear()

    def _bind(self, socket: Socket, endpoint: str, mode: int) -> None:
        path = bind_ipc(socket, endpoint, mode)
        if path is not None:
            self._files.append(path)


def _nothing_to_take(socket: Socket) -> None:
    """A PUB has nothing to receive, but must be asked, or its descriptor stays readable."""
    socket.getsockopt(zmq.EVENTS)
    raise zmq.Again
