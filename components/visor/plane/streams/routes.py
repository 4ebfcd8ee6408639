"""How the routes of a group stand, as a table, and what each has to say for itself. Pure.

joining -hello-> standby        the side that was dialled waits for the first unit of the other
standby -chosen-> active        one at a time sends streams; units are taken from all
active -moved-> standby         another one is better, or the peer moved
active -stalled-> suspect       no acknowledgement came; -answered-> standby
any -lost-> dead                for good: a route never comes back, a new one has a higher number
"""

from enum import StrEnum
from typing import Final

from components.visor.plane.streams.api import Want
from components.visor.plane.streams.limits import KEEP_ALIVE_S, MISSES_MAX
from components.visor.plane.streams.progress import RoundTrip
from components.visor.plane.unit import HEADER, Kind, write_head


class Standing(StrEnum):
    """How a route stands."""

    JOINING = "joining"
    STANDBY = "standby"
    ACTIVE = "active"
    SUSPECT = "suspect"
    DEAD = "dead"


class RouteEvent(StrEnum):
    """What happens to it."""

    HELLO = "hello"  # the peer's first unit came
    CHOSEN = "chosen"  # the group sends by it from now on
    MOVED = "moved"  # the group sends by another one; this one is good
    STALLED = "stalled"  # the group sends by another one; this one brought no acknowledgement
    ANSWERED = "answered"  # a PING came back
    LOST = "lost"  # link error, no answers, or the peer says so


S, E = Standing, RouteEvent

TABLE: Final[dict[tuple[Standing, RouteEvent], Standing]] = {
    (S.JOINING, E.HELLO): S.STANDBY,
    (S.STANDBY, E.CHOSEN): S.ACTIVE,
    (S.SUSPECT, E.CHOSEN): S.ACTIVE,
    (S.ACTIVE, E.MOVED): S.STANDBY,
    (S.ACTIVE, E.STALLED): S.SUSPECT,
    (S.SUSPECT, E.ANSWERED): S.STANDBY,
    **{(s, E.LOST): S.DEAD for s in S if s is not S.DEAD},
}

IGNORED: Final[frozenset[tuple[Standing, RouteEvent]]] = frozenset(
    {
        *((S.JOINING, e) for e in (E.CHOSEN, E.MOVED, E.STALLED, E.ANSWERED)),
        *((S.STANDBY, e) for e in (E.HELLO, E.MOVED, E.STALLED, E.ANSWERED)),
        *((S.ACTIVE, e) for e in (E.HELLO, E.CHOSEN, E.ANSWERED)),
        *((S.SUSPECT, e) for e in (E.HELLO, E.MOVED, E.STALLED)),
        *((S.DEAD, e) for e in E),
    }
)
USABLE: Final = (S.STANDBY, S.SUSPECT)


class Route:
    """One route, as its group sees it."""

    def __init__(self, number: int, *, cost: int, dialled_by_us: bool, now: float) -> None:
        self.number = number
        self.cost = cost
        self.standing = Standing.STANDBY if dialled_by_us else Standing.JOINING
        self.round_trip = RoundTrip()
        self.told = Want.NOTHING  # what the owner knows of
        self.greeted = False  # the peer's HELLO came
        self.stale = False  # what comes is meant for a process that is no more
        self._hello_due = True
        self._ping_due = True
        self._pong_due: int | None = None
        self._token = 0
        self._asked: tuple[int, float] | None = None  # token and time of the PING not yet answered
        self._next_ping = now + KEEP_ALIVE_S
        self._quiet = True  # nothing came since the last PING
        self._misses = 0

        self.waiting = False  # it has a unit of its own to send; kept up to date, as every pull asks
        self._look()

    def happen(self, event: RouteEvent) -> None:
        """Go on by the table."""
        self.standing = TABLE.get((self.standing, event), self.standing)
        self._look()

    def _look(self) -> None:
        due = self._hello_due or self._ping_due or self._pong_due is not None
        self.waiting = due and self.standing not in (Standing.JOINING, Standing.DEAD)

    def greet_again(self) -> None:
        """The peer was restarted: what goes out from now on is for the new process."""
        self._hello_due = True
        self._look()

    def write(self, into: memoryview, hello: bytes, now: float) -> int:
        """Write the next unit of its own: the length; 0 when there is none."""
        if not self.waiting:
            return 0
        size = self._write(into, hello, now)
        self._look()
        return size

    def _write(self, into: memoryview, hello: bytes, now: float) -> int:
        if self._hello_due:
            self._hello_due = False
            write_head(into, Kind.HELLO, 0, 0)
            into[HEADER : HEADER + len(hello)] = hello
            return HEADER + len(hello)
        if self._pong_due is not None:
            write_head(into, Kind.PONG, 0, self._pong_due)
            self._pong_due = None
            return HEADER
        self._ping_due = False
        self._token = (self._token + 1) & 0xFFFFFFFF
        self._asked = (self._token, now)
        write_head(into, Kind.PING, 0, self._token)
        return HEADER

    def heard(self) -> None:
        """A unit came by it."""
        self._quiet = False

    def pinged(self, token: int) -> None:
        """The peer asks; of several questions the last one is answered."""
        self._pong_due = token
        self._look()

    def ponged(self, token: int, now: float) -> bool:
        """The peer answers; a late answer counts for nothing, and the answer is false."""
        if self._asked is None or self._asked[0] != token:
            return False
        self.round_trip.idle(now - self._asked[1])
        self._asked = None
        self._ping_due |= not self.round_trip.known
        self.happen(RouteEvent.ANSWERED)
        return True

    def ask(self) -> None:
        """Send a PING soon."""
        self._ping_due = True
        self._look()

    @property
    def deadline(self) -> float:
        """When the next PING is due."""
        return self._next_ping

    def tick(self, now: float) -> bool:
        """Ask again when it is time: False when too many were not answered by anything."""
        if now < self._next_ping:
            return True
        self._next_ping = now + KEEP_ALIVE_S
        self._ping_due = True
        self._misses = self._misses + 1 if self._quiet else 0
        self._quiet = True
        self._look()
        return self._misses < MISSES_MAX
