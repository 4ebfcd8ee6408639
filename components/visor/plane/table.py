"""The routes of a node: what each is made of, how long it lives, how many there may be. Pure.

A route is installed whole or not at all. It is provisional until its first frame passes, then it lives as
long as a frame passes within its lease. `LIFE` decides every state and event.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import product
from typing import TYPE_CHECKING, Final

from components.visor.plane.limits import (
    LEASE_S,
    PROVISIONAL_A_LINK,
    PROVISIONAL_S,
    ROUTES_A_LINK,
    ROUTES_A_NODE,
)

if TYPE_CHECKING:
    from components.visor.plane.leg import Leg

LINK_ROUTE: Final = 0
"""The route id of what the two ends of a link tell each other; no route has it."""
MAX_ROUTE_ID: Final = 2**32 - 1


class InstallError(Exception):
    """A route cannot be installed; `reason` is a word for programs."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class State(Enum):
    """Where a route is in its life."""

    PROVISIONAL = auto()
    OPEN = auto()
    CLOSED = auto()


class Event(Enum):
    """What happens to a route."""

    FRAME = auto()
    EXPIRY = auto()
    CLOSE = auto()


LIFE: Final[dict[tuple[State, Event], State]] = {
    (State.PROVISIONAL, Event.FRAME): State.OPEN,
    (State.PROVISIONAL, Event.EXPIRY): State.CLOSED,
    (State.PROVISIONAL, Event.CLOSE): State.CLOSED,
    (State.OPEN, Event.FRAME): State.OPEN,
    (State.OPEN, Event.EXPIRY): State.CLOSED,
    (State.OPEN, Event.CLOSE): State.CLOSED,
}
# A closed route is in no table any more: nothing of these can reach it but a late call.
IGNORED: Final = frozenset(product((State.CLOSED,), Event))


@dataclass(frozen=True, kw_only=True)
class LegPlan:
    """One leg as the setup node ordered it; `link` is our number of the link."""

    link: int
    in_id: int
    out_id: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A route as ordered: two legs between, one at an end."""

    legs: tuple[LegPlan, ...]
    owner: bytes  # who ordered it
    label: str = ""


class Route:
    """An installed route."""

    __slots__ = ("expires", "label", "legs", "opened", "owner", "state")

    def __init__(self, plan: Plan, legs: tuple[Leg, ...], now: float) -> None:
        self.owner = plan.owner
        self.label = plan.label
        self.legs = legs
        self.opened = now
        self.state = State.PROVISIONAL
        self.expires = now + PROVISIONAL_S
        for leg in legs:
            leg.route = self

    def passed(self, now: float) -> None:
        """A frame passed."""
        if self.state is State.OPEN:  # as the table says, without looking it up for each frame
            self.expires = now + LEASE_S
        else:
            self.turn(Event.FRAME, now)

    @property
    def heard_at(self) -> float:
        """When the last frame passed; a moment before it was ordered for a route that was never used."""
        return self.expires - LEASE_S

    def turn(self, event: Event, now: float) -> None:
        """Something happened."""
        after = LIFE.get((self.state, event))
        if after is None:
            return
        self.state = after
        if event is Event.FRAME:
            self.expires = now + LEASE_S


class Table:
    """All routes of a node, by (link, id of what comes in)."""

    def __init__(self) -> None:
        self.legs: dict[int, dict[int, Leg]] = {}
        self._routes: dict[Route, None] = {}

    def __len__(self) -> int:
        return len(self._routes)

    def routes(self) -> list[Route]:
        """All, oldest first."""
        return list(self._routes)

    def link_up(self, link: int) -> dict[int, Leg]:
        """A link joined; its legs by the id of what comes in."""
        return self.legs.setdefault(link, {})

    def link_down(self, link: int) -> list[Route]:
        """A link is gone; the routes that ended with it, still to be removed."""
        found = dict.fromkeys(leg.route for leg in self.legs.get(link, {}).values())
        return list(found)

    def forget_link(self, link: int) -> None:
        """Nothing can be installed on it any more."""
        self.legs.pop(link, None)

    def check(self, plan: Plan) -> None:
        """Raises `InstallError` where the plan cannot be carried out; nothing is changed."""
        if len(self._routes) >= ROUTES_A_NODE:
            raise InstallError("busy", f"the node holds {ROUTES_A_NODE} routes")
        places = {(leg.link, leg.in_id) for leg in plan.legs}
        if len(plan.legs) not in (1, 2) or len(places) < len(plan.legs):
            raise InstallError("bad-plan", "a route has one or two legs here, and they differ")
        for leg in plan.legs:
            self._check_leg(leg)

    def add(self, route: Route) -> None:
        """Put a checked route in."""
        self._routes[route] = None
        for leg in route.legs:
            self.legs[leg.link.number][leg.in_id] = leg

    def remove(self, route: Route) -> None:
        """Take a route out."""
        if self._routes.pop(route, self) is self:
            return
        for leg in route.legs:
            self.legs.get(leg.link.number, {}).pop(leg.in_id, None)

    def expired(self, now: float) -> list[Route]:
        """The routes whose time is over."""
        return [route for route in self._routes if route.expires <= now]

    def _check_leg(self, plan: LegPlan) -> None:
        legs = self.legs.get(plan.link)
        if legs is None:
            raise InstallError("no-link", "the link is down")
        if not (0 < plan.in_id <= MAX_ROUTE_ID and 0 < plan.out_id <= MAX_ROUTE_ID):
            raise InstallError("bad-plan", f"route ids are 1 to {MAX_ROUTE_ID}")
        if plan.in_id in legs:
            raise InstallError("collision", f"route id {plan.in_id} is taken on that link")
        if len(legs) >= ROUTES_A_LINK:
            raise InstallError("busy", f"the link holds {ROUTES_A_LINK} routes")
        unused = sum(leg.route.state is State.PROVISIONAL for leg in legs.values())
        if unused >= PROVISIONAL_A_LINK:
            raise InstallError("busy", f"{unused} routes on that link were ordered and never used")
