"""How far another host's clock is from ours, from messages that are sent anyway. Pure.

Each note of the other host has its time, the time it last had of us, and how long ago that was. So the round
trip is known, and its middle is about when the note was sent. Of the last samples that with the shortest
round trip is right to within half of it.
"""

from __future__ import annotations

from collections import deque
from typing import Final

SAMPLES: Final = 8
ROUND_TRIP_MAX_S: Final = 30.0
GRAIN_S: Final = 0.001  # that clocks may be adjusted by while a note is under way


class Clock:
    """Feed it what notes say."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=SAMPLES)  # round trip, offset

    def sample(self, *, time: float, echo: float, held_s: float, now: float) -> None:
        """A note came at `now`, by our clock. One that echoes nothing, or nonsense, tells nothing."""
        if not echo:
            return
        trip = now - echo - held_s
        if -GRAIN_S <= trip <= ROUND_TRIP_MAX_S:
            self._samples.append((max(trip, 0.0), time + trip / 2 - now))

    @property
    def offset_s(self) -> float | None:
        """Seconds the other clock is ahead of ours; None while it is not known."""
        return min(self._samples)[1] if self._samples else None

    @property
    def round_trip_s(self) -> float | None:
        """The shortest round trip lately."""
        return min(self._samples)[0] if self._samples else None
