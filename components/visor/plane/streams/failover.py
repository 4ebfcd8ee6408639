"""Which route a group sends by, and when it changes. Pure; the states of a route stand in `routes`.

Units are taken from every route at any time; only one is *active* for sending. It is left

* when it is dead: a link error, three PINGs without a sign, or the peer says so;
* when data is out and no acknowledgement comes (`progress`). It stays as a suspect, and each stall in a row
  waits twice as long, so that a peer that sleeps is not shaken by changes;
* for a route of less cost that answered a PING: by the side that dialled only, and rarely;
* because the peer left it, or moved: the side that was dialled follows always, the other one when the peer
  names the route it uses itself, and did not follow. So two that move at the same moment agree in the end.

After a change RESUME goes out first, then all that is not acknowledged.
"""

from components.visor.plane.streams.api import Code, Left
from components.visor.plane.streams.core import Core
from components.visor.plane.streams.errors import LimitError, UnitError
from components.visor.plane.streams.life import Event, State
from components.visor.plane.streams.limits import ANSWER_S, HOLD_MOST_S, HOLD_S, ROUTES_MAX
from components.visor.plane.streams.progress import RoundTrip
from components.visor.plane.streams.resume import Flag, Resume
from components.visor.plane.streams.routes import USABLE, Route, RouteEvent, Standing
from components.visor.plane.streams.stream import FIN

_EVENT_OF = {
    Left.STALLED: RouteEvent.STALLED,
    Left.BETTER: RouteEvent.MOVED,
    Left.FOLLOWED: RouteEvent.MOVED,
    Left.DEAD: RouteEvent.LOST,
}
_FLAG_OF = {Left.DEAD: Flag.DEAD, Left.FOLLOWED: Flag.FOLLOWED}


class Failover:
    """The routes of a group."""

    def __init__(self, core: Core, *, initiator: bool, incarnation: int) -> None:
        self._core = core
        self._incarnation = incarnation
        self._initiator = initiator
        self.routes: dict[int, Route] = {}
        self.active: Route | None = None
        self.resume: Resume | None = None
        self._left: tuple[int, Left] | None = None  # the route left last
        self.peer: int | None = None  # its incarnation
        self._newest = 0  # the highest route that incarnation spoke on
        self._moves = 0
        self._peer_moves = 0
        self._moved_at = 0.0
        self._hold = HOLD_S

    # Routes come and go.

    def up(self, number: int, cost: int, now: float) -> None:
        """A route has its keys; raises `LimitError` when there are too many."""
        if len(self.routes) >= ROUTES_MAX:
            raise LimitError(f"a group has at most {ROUTES_MAX} routes")
        if number in self.routes:
            raise LimitError(f"route {number} of this group is up already")
        route = Route(number, cost=cost, dialled_by_us=self._initiator, now=now)
        self.routes[number] = route
        if self.active is None:
            self._send_by_best(now)

    def lost(self, number: int, now: float, *, tell: bool) -> None:
        """A route is dead; the owner is told if it does not know yet."""
        route = self.routes.pop(number, None)
        if route is None:
            return
        route.happen(RouteEvent.LOST)
        if tell:
            self._core.owner.route_dead(number)
        if route is self.active:
            self._move(self._best(), Left.DEAD, now)

    @property
    def hello(self) -> bytes:
        """The body of our HELLO: who we are, and whom we speak to."""
        return self._incarnation.to_bytes(8, "big") + (self.peer or 0).to_bytes(8, "big")

    def greeted(self, route: Route, theirs: int, ours: int, now: float) -> None:
        """The peer's HELLO came; raises `UnitError` when it is of a process that is no more."""
        restarted = self.peer not in (None, theirs)
        if restarted and route.number <= self._newest:
            raise UnitError("a route to a process that was replaced")
        self.peer = theirs
        self._newest = max(self._newest, route.number)
        route.greeted = True
        route.stale = ours not in (0, self._incarnation)
        route.happen(RouteEvent.HELLO)
        if restarted:
            self._restarted(route.number, now)
        if self.active is None:
            self._send_by_best(now)

    def _restarted(self, number: int, now: float) -> None:
        core = self._core
        for route in self.routes.values():
            route.greet_again()
        core.streams.restarted()
        core.goodbyes.clear()
        self._peer_moves = 0
        for stream in core.streams:
            core.turn(stream, Event.RESTARTED, Code.RESTARTED)
        for other in [other for other in self.routes if other < number]:
            self.lost(other, now, tell=True)
        if self.active is not None:
            core.progress.rewound(self.active.round_trip)
            self._begin_again()

    # The choice.

    def _best(self) -> Route | None:
        usable = [route for route in self.routes.values() if route.standing in USABLE]
        return min(usable, key=self._rank, default=None)

    def _rank(self, route: Route) -> tuple[bool, int, int]:
        return route.standing is Standing.SUSPECT, route.cost, route.number

    def _send_by_best(self, now: float) -> None:
        best = self._best()
        if best is not None:
            self._move(best, self._left[1] if self._left else Left.NONE, now)

    def _better(self) -> Route | None:
        """A route to move to although the active one is good: proven, and of less cost."""
        best = self._best()
        if not self._initiator or self.active is None or best is None or best.standing is Standing.SUSPECT:
            return None
        proven = best.greeted and best.round_trip.smoothed > 0
        return best if proven and best.cost < self.active.cost else None

    def improve(self, now: float) -> None:
        """Move to a better route, if there is one and the last move is long enough ago."""
        better = self._better()
        if better is not None and now >= self._moved_at + self._hold:
            self._move(better, Left.BETTER, now)

    def _move(self, to: Route | None, why: Left, now: float) -> None:
        old, self.active = self.active, to
        if old is not None:
            old.happen(_EVENT_OF[why])
            self._left = (old.number, why)
        self._moved_at = now
        self._core.progress.rewound(to.round_trip if to else RoundTrip())
        self._core.doubt.clear()
        if to is not None:
            to.happen(RouteEvent.CHOSEN)
            self._begin_again()
        self._core.owner.switched(old.number if old else None, to.number if to else None, why)

    def _begin_again(self) -> None:
        """All that is not acknowledged goes out by the new route, after a RESUME."""
        core = self._core
        core.agenda.feed()  # what is sent again needs no memory
        for stream in core.streams:
            stream.pending &= ~FIN
            stream.sender.rewind()
            for pending in stream.unconfirmed():
                core.agenda.flag(stream, pending)
            if stream.state is State.OPENING and len(stream.sender.store):
                core.agenda.activate(stream)
            if stream.state is State.OPEN:
                core.agenda.activate(stream)
                core.settle(stream)
        core.agenda.sort()
        if self._left is not None:
            number, why = self._left
            ids = sorted((stream.id for stream in core.streams), reverse=True)
            self._moves += 1
            self.resume = Resume(number, _FLAG_OF.get(why, 0), self._moves, ids)

    # What the peer says.

    def resumed(self, route: Route, left: int, flags: int, move: int, now: float) -> None:
        """The peer sends by `route` from now on, and left another one."""
        if flags & Flag.DEAD and left != route.number:
            self.lost(left, now, tell=True)
        if move > self._peer_moves:  # an earlier one may come later, by another route
            self._peer_moves = move
            if self._follows(left, flags) and route is not self.active and route.standing in USABLE:
                self._move(route, Left.FOLLOWED, now)
        for stream in self._core.streams:
            for pending in stream.unconfirmed():
                self._core.agenda.flag(stream, pending)

    def _follows(self, left: int, flags: int) -> bool:
        """Whether to go where the peer went; if both followed, they would chase each other."""
        if not self._initiator:
            return True
        return not flags & Flag.FOLLOWED and self.active is not None and self.active.number == left

    # Time.

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        times = [route.deadline for route in self.routes.values()]
        stalled_at = self._core.progress.stalled_at()
        if stalled_at is not None:
            times.append(stalled_at)
        if self._core.doubt.at is not None and self.active is not None:
            times.append(self._core.doubt.at)
        if self._better() is not None:
            times.append(self._moved_at + self._hold)
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """Ask routes that are due, bury the dead, leave one that stalls, move to a better one."""
        for route in list(self.routes.values()):
            if not route.tick(now):
                self.lost(route.number, now, tell=True)
        stalled_at = self._core.progress.stalled_at()
        if stalled_at is not None and now >= stalled_at:
            self._stalled(now)
        self._doubt(now)
        self.improve(now)

    def _doubt(self, now: float) -> None:
        """Streams wait for a word of the peer: see that the route in use could bring it."""
        doubt, progress = self._core.doubt, self._core.progress
        if self.active is None or doubt.at is None or now < doubt.at:
            return
        if progress.in_flight:  # acknowledgements tell sooner
            doubt.later(now)
        elif doubt.asked:
            doubt.later(now)
            self._stalled(now)
        else:
            self.active.ask()
            doubt.ask(now, progress.patience_s(ANSWER_S))

    def _stalled(self, now: float) -> None:
        self._core.progress.stalled(now)
        other = self._best()
        if other is not None:
            self._hold = min(HOLD_MOST_S, 2 * self._hold)
            self._move(other, Left.STALLED, now)

    def close(self) -> None:
        """No route is used any more."""
        self.routes.clear()
        self.active = self.resume = None
