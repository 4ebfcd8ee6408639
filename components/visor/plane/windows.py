"""The hop windows of a node: how much its neighbours may have under way to it, on all routes. Pure.

A route begins with a first window, small enough for thousands that say little. Who uses half of it, or asks
because a frame does not fit, gets a wide one: more while much is left, less later. When little is left, wide
windows are recalled: from routes that stood still, then from those that had theirs longest. So what is
promised never exceeds the limit, and whoever waits has a turn within some looks.

    FIRST --used, asked--> wide          at once, or when something was given back: until then it waits
    wide --recalled--> FIRST             once the neighbour said how far it had gone already
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from components.visor.plane.credit import Granted
from components.visor.plane.limits import (
    HOP_BUDGET,
    HOP_FIRST,
    HOP_SPARE,
    HOP_WINDOW,
    HOP_WINDOW_LEAST,
    RECALLED_A_LOOK,
    RETURN_LOOKS,
    STILL_LOOKS,
)


class Holder(Hashable, Protocol):
    """A leg of a route."""

    granted: Granted


L = TypeVar("L", bound=Holder)


@dataclass
class _Use:
    """How a wide window is used."""

    received: int
    still: int = 0  # looks in a row that saw nothing come
    recalled: int = 0  # looks since it was recalled; 0 when it is not


class Windows(Generic[L]):
    """Counts what is promised. `left` is what may still be."""

    def __init__(self, limit: int = HOP_BUDGET) -> None:
        self.limit = limit
        self.left = limit
        self._spare = min(HOP_SPARE, limit // 4)
        self._wide: dict[L, _Use] = {}  # longest first
        self._waiting: dict[L, None] = {}

    def open(self) -> bool:
        """A first window for a new leg; false when there is none, or too little for those in use."""
        if self.left - HOP_FIRST < self._spare:
            return False
        self.left -= HOP_FIRST
        return True

    def close(self, leg: L) -> list[L]:
        """Its route ended: those who waited and got a wider window."""
        self._waiting.pop(leg, None)
        self._wide.pop(leg, None)
        self.left += leg.granted.charge
        leg.granted.charge = 0
        return self._serve()

    def want(self, leg: L) -> bool:
        """Its first window does not do: whether it has a wide one now. It waits for one otherwise."""
        granted = leg.granted
        if granted.recalled:
            return False
        if granted.window > HOP_FIRST:
            return True
        window = HOP_WINDOW if self.left - HOP_WINDOW >= self.limit // 2 else HOP_WINDOW_LEAST
        more = max(0, window - granted.charge)
        if more > self.left:
            self._waiting[leg] = None
            return False
        self._waiting.pop(leg, None)
        self.left -= more
        granted.window = window
        granted.charge += more
        self._wide[leg] = _Use(granted.received)
        return True

    def settle(self, leg: L) -> list[L]:
        """A new limit was told, by a window that is smaller than before: those who got what became free."""
        granted = leg.granted
        needed = max(granted.window, granted.promised)
        if granted.charge <= needed:
            return []
        self.left += granted.charge - needed
        granted.charge = needed
        return self._serve()

    def returned(self, leg: L, limit: int) -> list[L] | None:
        """The neighbour goes no further than `limit`: as `settle`; None when it said what cannot be."""
        granted = leg.granted
        if not granted.recalled or not granted.received <= limit <= granted.limit:
            return None
        granted.recalled = False
        granted.limit = limit
        granted.window = HOP_FIRST
        self._wide.pop(leg, None)
        return self.settle(leg)

    def look(self) -> tuple[list[L], list[L]]:
        """Once a second: whose window is to be recalled now, and who did not answer a recall for long."""
        dead = []
        for leg, use in self._wide.items():
            received = leg.granted.received
            use.still = use.still + 1 if received == use.received else 0
            use.received = received
            if leg.granted.recalled:
                use.recalled += 1
                if use.recalled > RETURN_LOOKS:
                    dead.append(leg)
        return self._recalled(), dead

    def _recalled(self) -> list[L]:
        short = self.left < self.limit // 4
        idle = [leg for leg, use in self._wide.items() if use.still >= STILL_LOOKS] if short else []
        wanted = idle
        if len(idle) < len(self._waiting):
            wanted = list(dict.fromkeys((*idle, *self._wide)))[: len(self._waiting)]
        chosen = [leg for leg in wanted if not leg.granted.recalled][:RECALLED_A_LOOK]
        for leg in chosen:
            leg.granted.recalled = True
        return chosen

    def _serve(self) -> list[L]:
        """Give those who wait what they wait for, as far as it goes."""
        return [leg for leg in tuple(self._waiting) if self.left >= HOP_WINDOW_LEAST and self.want(leg)]
