"""One group in this node: its streams, the ends of its routes, and the clock both need.

    streams.Group   what is sent by which route, exactly once and in order
    RouteEnd        one route's handshake and sealing
    Router          the legs the sealed units go by

A joint decides nothing about paths: whoever owns it adds routes, and hears when there are too few.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Protocol

from components.mesh.endtoend import RouteName
from components.mesh.frame import CloseCode
from components.visor.plane.end import RouteEnd, State, Told
from components.visor.plane.loop import Loop, Timer
from components.visor.plane.router import Router
from components.visor.plane.socketend import SocketEnd
from components.visor.plane.streams.api import Code, Left, Want
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.group import Group
from components.visor.plane.streams.limits import ACK_DELAY_S, LOOK_S
from components.visor.plane.table import Plan
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

INCARNATION = secrets.randbits(64)
"""Of this process: a peer that meets another one knows that our streams are gone."""


class Joints(Protocol):
    """Who owns the joints of a node."""

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        """The peer opens a stream: `joint.accept` or `joint.group.reset`, now or later."""

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        """A datagram-like message came; `body` is valid during the call only."""

    def routes_changed(self, joint: Joint) -> None:
        """A route opened or went; `joint.open_routes` tells how many there are."""

    def switched(self, joint: Joint, why: Left) -> None:
        """Streams go by another route now."""


class Joint:
    """A group's `Owner`; `peer` is the other node."""

    def __init__(
        self,
        loop: Loop,
        router: Router,
        identity: Identity,
        memory: Memory,
        owner: Joints,
        *,
        peer: PublicKey,
        id: bytes,
        initiates: bool,
    ) -> None:
        self.peer = peer
        self.id = id
        self.initiates = initiates
        self.ends: dict[int, RouteEnd] = {}
        self.costs: dict[int, int] = {}
        self.streams: dict[int, SocketEnd] = {}
        self._loop = loop
        self._router = router
        self.identity = identity
        self._owner = owner
        self._scratch = memory.pool.scratch
        self._timer: Timer | None = None
        self._due: float | None = None
        self.heard_at = float("-inf")  # when the last frame came by a route that is gone
        self.group = Group(initiator=initiates, incarnation=INCARNATION, memory=memory, owner=self)

    # -- routes

    def install(self, plan: Plan, name: RouteName, *, cost: int) -> RouteEnd:
        """Put the end of a route in place. Raises `InstallError`, or `LimitError` for one too many."""
        told = Told(opened=self._opened, moved=self._moved, closed=self._closed)
        end = RouteEnd(self._loop, self.identity, name, self.group, told, self._scratch)
        route = self._router.install(plan, end)
        self.ends[name.number], self.costs[name.number] = end, cost
        end.installed(route.legs[0])
        return end

    @property
    def open_routes(self) -> int:
        """The routes that have their keys."""
        return sum(end.state is State.OPEN for end in self.ends.values())

    def close(self, code: CloseCode = CloseCode.NORMAL, why: Code = Code.CLOSED) -> None:
        """End all streams and routes; `why` is what the apps are told."""
        self._stop_clock()
        self.group.close(why)
        for end in tuple(self.ends.values()):
            end.close(code)

    def _opened(self, end: RouteEnd) -> None:
        self.group.route_up(end.number, cost=self.costs[end.number], now=self._loop.time())
        self._owner.routes_changed(self)
        self._set_clock()

    def _closed(self, end: RouteEnd, code: int) -> None:
        """An end is over, from whichever side."""
        self.ends.pop(end.number, None)
        self.costs.pop(end.number, None)
        if end.leg is not None:
            self.heard_at = max(self.heard_at, end.leg.route.heard_at)
            self._router.uninstall(end.leg.route, CloseCode(code))
        self.group.route_down(end.number, self._loop.time())
        self._owner.routes_changed(self)
        self._set_clock()

    # -- streams

    def open(
        self,
        port: int,
        sock: socket.socket,
        *,
        source: int,
        over: Callable[[int | None], None],
        opened: Callable[[], None] | None = None,
    ) -> SocketEnd:
        """Open a stream for a socket, which is owned here from now on. Raises `LimitError`."""
        end = SocketEnd(self._loop, self.group, sock, over, opened, self._router.turn)
        end.open(port, source)
        return self._keep(end)

    def accept(
        self, stream: int, sock: socket.socket, over: Callable[[int | None], None]
    ) -> SocketEnd | None:
        """Take an offered stream; None when it is there no more, and the socket is closed."""
        end = SocketEnd(self._loop, self.group, sock, over, turn=self._router.turn)
        end.id = stream
        if not self.group.accept(stream, end):
            sock.close()
            return None
        end.opened()
        return self._keep(end)

    def _keep(self, end: SocketEnd) -> SocketEnd:
        self.streams[end.id] = end
        end.tally = self.group.tally(end.id)
        over = end.over

        def gone(code: int | None) -> None:
            self.streams.pop(end.id, None)
            over(code)

        end.over = gone
        self._set_clock()
        return end

    # -- what the group asks

    def wake(self, route: int, want: Want) -> None:
        """A route has something to send."""
        end = self.ends.get(route)
        if end is not None and end.leg is not None:
            end.leg.wake()
        self._moved(self._loop.time())

    def offered(self, stream: int, port: int, source: int) -> None:
        """The peer opens a stream."""
        self._owner.offered(self, stream, port, source)

    def message(self, port: int, source: int, body: memoryview) -> None:
        """A message came."""
        self._owner.message(self, port, source, body)

    def switched(self, old: int | None, new: int | None, why: Left) -> None:
        """The group sends by another route."""
        self._owner.switched(self, why)

    def route_dead(self, route: int) -> None:
        """The group uses it no more."""
        end = self.ends.get(route)
        if end is not None:
            end.close(CloseCode.NORMAL)

    # -- time

    def _set_clock(self) -> None:
        """One timer for the group's next deadline; a later one than before is found when it rings."""
        due = self.group.next_deadline()
        if due is None or (self._timer is not None and self._due is not None and self._due <= due):
            return
        self._stop_clock()
        self._due = due
        self._timer = self._loop.call_later(max(0.0, due - self._loop.time()), self._ring)

    def _moved(self, now: float) -> None:
        """A unit went in or out, or may. What is due is looked for a moment later, once for all till then."""
        delay_s = ACK_DELAY_S if self.group.owes else LOOK_S
        if self._timer is None or self._due is None or self._due > now + delay_s:
            self._stop_clock()
            self._due = now + delay_s
            self._timer = self._loop.call_later(delay_s, self._ring)

    def _ring(self) -> None:
        self._timer = self._due = None
        self.group.tick(self._loop.time())
        self._set_clock()

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._due = None
