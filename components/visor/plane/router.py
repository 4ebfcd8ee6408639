"""Frames go where their rules say: to the next link, to an end in this node, or nowhere.

The router decides nothing: `install` is given whole routes by whoever may order them, and a frame of no known
route is answered with a close. A slow route fills its own credit and stands still alone.
"""

from __future__ import annotations

import itertools
import socket
from collections import Counter
from collections.abc import Callable
from struct import Struct
from typing import Final

from components.mesh.frame import CREDIT, CloseCode, FrameType, frame_at, readdress
from components.mesh.record import Opener, Sealer
from components.visor.plane.leg import CARRIES, Consumer, Leg
from components.visor.plane.limits import PASS_LEAST
from components.visor.plane.link import Link
from components.visor.plane.loop import Loop, Timer
from components.visor.plane.table import LINK_ROUTE, Event, InstallError, Plan, Route, State, Table
from components.visor.plane.windows import Windows
from signal_bus.ids import PublicKey

TICK_S: Final = 1.0
_ROUTE_ID: Final = Struct(">I")
_DATA: Final = int(FrameType.DATA)
_CREDIT: Final = int(FrameType.CREDIT)
_CLOSE: Final = int(FrameType.CLOSE)
_WINDOW: Final = frozenset({FrameType.WANT, FrameType.RECALL, FrameType.RETURN})
_KNOWN: Final = frozenset(int(kind) for kind in FrameType) - _WINDOW


class Router:
    """The links and routes of one node."""

    def __init__(self, loop: Loop, windows: Windows[Leg] | None = None) -> None:
        self.loop = loop
        self.counts: Counter[str] = Counter()
        self.heard: Callable[[Link, bytes], None] = _ignore  # what a neighbour says on route 0
        self.links: dict[int, Link] = {}
        self.windows: Windows[Leg] = windows or Windows()
        self._table = Table()
        self._numbers = itertools.count(1)
        self.gathering = False  # a link takes what came in; those it makes busy send at `flush`, in this turn
        self.busy: list[Link] = []
        self.now = loop.time()  # of the last thing that happened
        self._timer: Timer | None = loop.call_later(TICK_S, self._tick)

    # -- links

    def join(
        self,
        peer: PublicKey,
        sock: socket.socket,
        sealer: Sealer,
        opener: Opener,
        ended: Callable[[Link, str], None],
        leftover: bytes = b"",
    ) -> Link:
        """A new link over a connected socket whose handshake is done."""
        link = Link(next(self._numbers), peer, sock, sealer, opener, self, ended)
        link.legs = self._table.link_up(link.number)
        self.links[link.number] = link
        link.start(leftover)
        return link

    def link_lost(self, link: Link) -> None:
        """A link ended: so do its routes; the other sides are told. The link calls this."""
        self.links.pop(link.number, None)
        for route in self._table.link_down(link.number):
            self._end(route, CloseCode.LINK_LOST, told_by=link)
        self._table.forget_link(link.number)

    def close(self) -> None:
        """Close every link; the router is of no use after it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for link in tuple(self.links.values()):
            link.close("the node ends")

    # -- routes

    def install(self, plan: Plan, consumer: Consumer | None = None) -> Route:
        """Put a route in, provisionally; all of it or nothing. Raises `InstallError`."""
        if (consumer is None) != (len(plan.legs) == 2):
            raise InstallError("bad-plan", "one leg has an end here, two have none")
        self._table.check(plan)
        route = Route(plan, self._legs(plan), self.loop.time())
        if consumer is None:
            first, second = route.legs
            first.other, second.other = second, first
        else:
            route.legs[0].consumer = consumer
        self._table.add(route)
        return route

    def uninstall(self, route: Route, code: CloseCode = CloseCode.NORMAL) -> None:
        """End a route from here: both sides are told, its consumer is not."""
        for leg in route.legs:
            leg.consumer = None
        self._end(route, code)

    def routes(self) -> list[Route]:
        """All that are installed."""
        return self._table.routes()

    def _legs(self, plan: Plan) -> tuple[Leg, ...]:
        made: list[Leg] = []
        for leg in plan.legs:
            if not self.windows.open():
                for other in made:
                    self.windows.close(other)
                raise InstallError("busy", "no memory is left for another route")
            made.append(Leg(self.links[leg.link], leg.in_id, leg.out_id))
        return tuple(made)

    def _end(self, route: Route, code: CloseCode, told_by: Link | None = None) -> None:
        """Take a route out and tell all sides but the one that said so."""
        if route.state is State.CLOSED:
            return
        route.turn(Event.EXPIRY if code is CloseCode.EXPIRED else Event.CLOSE, self.now)
        self._table.remove(route)
        self.counts[f"closed_{code.name.lower()}"] += 1
        for leg in route.legs:
            self._tell_credit(self.windows.close(leg))
            leg.link.forget(leg)
            if leg.link is not told_by:
                leg.link.tell(FrameType.CLOSE, leg.out_id, bytes([code]))
        for leg in route.legs:
            if leg.consumer is not None:
                leg.consumer.closed(code)

    # -- frames

    def take(self, link: Link, plain: memoryview) -> None:
        """The frames of one record. Raises `WireError`: the link is closed then."""
        self.now = self.loop.time()
        legs = link.legs
        at, size = 0, len(plain)
        while at < size:
            kind, hops, number, start, end = frame_at(plain, at)
            leg = legs.get(number)
            if leg is None:
                self._unknown(link, kind, number, plain[start:end])
            elif kind in CARRIES:
                passed = at if leg.other is None else self._pass(link, leg.other.link, plain, at)
                if passed > at:
                    end = passed
                else:
                    self._data(leg, hops, plain[start:end])
            elif kind == _CREDIT:
                leg.told(CREDIT.unpack_from(plain, start)[0])
            elif kind == _CLOSE:
                self._end(leg.route, _code(plain[start]), told_by=link)
            elif kind in _WINDOW:
                self._window(leg, kind, CREDIT.unpack_from(plain, start)[0])
            elif kind in _KNOWN:
                self._small(leg, kind, hops, plain[start:end])
            at = end

    def _pass(self, link: Link, out: Link, plain: memoryview, begin: int) -> int:
        """Send on the data frames from `begin` as they lie, where they may all go by `out` at once.

        Returns where they end: `begin` when even the first must wait, may not be sent, or is small and finds
        others to share a record with.
        """
        legs, at, size = link.legs, begin, len(plain)
        if not out.free:
            return begin
        while at < size:
            kind, hops, number, start, end = frame_at(plain, at)
            leg = legs.get(number)
            if kind not in CARRIES or leg is None or not hops:
                break
            other, count = leg.other, end - start
            if other is None or other.link is not out:
                break
            if at == begin and count < PASS_LEAST and not out.silent:
                break
            if not leg.passes(count, other):
                break
            leg.route.passed(self.now)
            readdress(plain, at, kind, hops - 1, other.out_id)
            at = end
        if at > begin:
            out.pass_on(plain[begin:at])
        return at

    def _data(self, leg: Leg, hops: int, payload: memoryview) -> None:
        size = len(payload)
        route = leg.route
        if not leg.granted.take(size):
            self.counts["overrun"] += 1
            self._end(route, CloseCode.OVERRUN)
            return
        leg.received_bytes += size
        route.passed(self.now)
        if leg.other is None:
            assert leg.consumer is not None
            leg.consumer.take(_DATA, payload)
            if route.state is not State.CLOSED:
                leg.taken(size)
        elif hops:
            leg.other.forward(_DATA, hops - 1, payload)
        else:
            self._circled(leg, size)

    def _small(self, leg: Leg, kind: int, hops: int, payload: memoryview) -> None:
        leg.route.passed(self.now)
        if leg.other is None:
            assert leg.consumer is not None
            leg.consumer.take(kind, payload)
        elif hops:
            leg.other.forward(kind, hops - 1, payload)
        else:
            self._circled(leg, 0)

    def _circled(self, leg: Leg, size: int) -> None:
        """A frame went through more hops than any route has: rules form a ring."""
        self.counts["no_hops_left"] += 1
        if size:
            leg.taken(size)

    def _unknown(self, link: Link, kind: int, number: int, payload: memoryview) -> None:
        if number != LINK_ROUTE:
            self.counts["unknown_route"] += 1
            if kind not in (_CLOSE, _CREDIT) and kind in _KNOWN and link.stranger():
                link.tell(FrameType.ERROR, LINK_ROUTE, _ROUTE_ID.pack(number))
        elif kind == FrameType.ERROR:
            self._unknown_there(link, payload)
        else:
            link.control(kind, payload)

    def _unknown_there(self, link: Link, payload: memoryview) -> None:
        """The neighbour knows nothing of a route that we send on."""
        if len(payload) == _ROUTE_ID.size:
            number = _ROUTE_ID.unpack(payload)[0]
            for leg in [leg for leg in link.legs.values() if leg.out_id == number]:
                self._end(leg.route, CloseCode.NO_ROUTE, told_by=link)

    # -- windows

    def may_renew(self, leg: Leg) -> bool:
        """Whether a new limit may be told now; a first window that is used up is made a wide one before."""
        granted = leg.granted
        if granted.recalled:
            return False
        if granted.charge > granted.window:
            self._tell_credit(self.windows.settle(leg))
        self.windows.want(leg)
        return True

    def _window(self, leg: Leg, kind: int, limit: int) -> None:
        """The neighbour speaks of a window: its own, or ours."""
        if kind == FrameType.RECALL:
            leg.recalled(limit)
        elif kind == FrameType.WANT:
            if self.windows.want(leg):
                leg.link.credit(leg)
        else:
            self._returned(leg, limit)

    def _returned(self, leg: Leg, limit: int) -> None:
        served = self.windows.returned(leg, limit)
        if served is None:
            self.counts["overrun"] += 1
            self._end(leg.route, CloseCode.OVERRUN)
            return
        self._tell_credit(served)
        if leg.granted.done(0):
            leg.link.credit(leg)

    def _tell_credit(self, legs: list[Leg]) -> None:
        for leg in legs:
            leg.link.credit(leg)

    def _look_at_windows(self) -> None:
        recalled, dead = self.windows.look()
        for leg in recalled:
            leg.link.tell(FrameType.RECALL, leg.out_id, CREDIT.pack(leg.granted.recall()))
        for leg in dead:
            self._end(leg.route, CloseCode.OVERRUN)

    # -- turns

    def turn(self, work: Callable[[], None]) -> None:
        """Do something; what it makes ready to be sent goes out at its end, not in the loop's next turn."""
        self.gathering = True
        try:
            work()
        finally:
            self.flush()

    def flush(self) -> None:
        """Have the links send that became busy while one took what came in."""
        self.gathering = False
        busy, self.busy = self.busy, []
        for link in busy:
            link.flush()

    # -- time

    def _tick(self) -> None:
        self.now = now = self.loop.time()
        for route in self._table.expired(now):
            self._end(route, CloseCode.EXPIRED)
        self._look_at_windows()
        for link in tuple(self.links.values()):
            link.tick(now)
        if self._timer is not None:
            self._timer = self.loop.call_later(TICK_S, self._tick)


def _code(value: int) -> CloseCode:
    try:
        return CloseCode(value)
    except ValueError:
        return CloseCode.NORMAL


def _ignore(link: Link, data: bytes) -> None:
    """Nobody here listens to neighbours."""
