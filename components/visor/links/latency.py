"""Which round trips are to be told to the services: a first one at once, others when they are really others.

Pure: the time is handed in.
"""

import math
import uuid
from typing import Final, NamedTuple

from components.visor.links.limits import RTT_LEAST_S, RTT_SHARE

UNKNOWN: Final = 0


class _Told(NamedTuple):
    rtt_us: int
    at: float


class Latency:
    """What was told of each transport, and when."""

    def __init__(self) -> None:
        self._told: dict[uuid.UUID, _Told] = {}

    def is_due(self, id: uuid.UUID, rtt_us: int, now: float) -> bool:
        """Whether this figure is worth telling now."""
        before = self._told.get(id, _Told(UNKNOWN, -math.inf))
        if UNKNOWN in (before.rtt_us, rtt_us):
            return rtt_us != before.rtt_us
        changed = abs(rtt_us - before.rtt_us) > RTT_SHARE * before.rtt_us
        return changed and now - before.at >= RTT_LEAST_S

    def told(self, id: uuid.UUID, rtt_us: int, now: float) -> None:
        """It is told."""
        self._told[id] = _Told(rtt_us, now)

    def forget(self, id: uuid.UUID) -> None:
        """The link is another one, or there is none."""
        self._told.pop(id, None)


def as_us(rtt_s: float | None) -> int:
    """A measured time in microseconds, never 0; 0 where none was measured."""
    return UNKNOWN if rtt_s is None else max(1, round(rtt_s * 1e6))
