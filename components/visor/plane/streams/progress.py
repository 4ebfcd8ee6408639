"""How long a round trip takes, and whether acknowledgements come. Pure."""

from components.visor.plane.streams.limits import (
    PINGS_FIRST,
    STALL_LEAST_S,
    STALL_MOST_S,
    STALL_RTTS,
    STALL_UNKNOWN_S,
)

_RECENT = 8
_SHORTEST_S = 1e-6  # a clock may not see less, and 0 says that nothing was measured


class RoundTrip:
    """Samples of one route."""

    def __init__(self) -> None:
        self.smoothed = 0.0  # 0 as long as nothing was measured
        self.least = 0.0  # of the last samples: the way without queues. 0 when unknown
        self._recent: list[float] = []

    @property
    def known(self) -> bool:
        """Whether there are samples enough: the first ones wake up all that lies on the way."""
        return len(self._recent) >= PINGS_FIRST

    def idle(self, sample: float) -> None:
        """A PING was answered."""
        sample = max(sample, _SHORTEST_S)
        self._recent = [*self._recent[-_RECENT + 1 :], sample]
        self.least = min(self._recent)
        self.loaded(sample)

    def loaded(self, sample: float) -> None:
        """Data was acknowledged: the queues on the way are in this sample."""
        sample = max(sample, _SHORTEST_S)
        self.smoothed = sample if not self.smoothed else 0.75 * self.smoothed + 0.25 * sample


class Progress:
    """Bytes in flight, and since when none of them was acknowledged."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.round_trip = RoundTrip()  # of the route in use
        self._since = 0.0
        self._stalls = 0  # in a row
        self._timed: tuple[int, int, float] | None = None  # stream, offset, time

    def sent(self, stream: int, upto: int, count: int, now: float) -> None:
        """`count` bytes more went out."""
        if not self.in_flight:
            self._since = now
        self.in_flight += count
        if self._timed is None:
            self._timed = (stream, upto, now)

    def acknowledged(self, stream: int, upto: int, count: int, now: float) -> None:
        """`count` bytes less are in flight."""
        if not count:
            return
        self.in_flight -= count
        self._since = now
        self._stalls = 0
        timed = self._timed
        if timed is not None and timed[0] == stream and timed[1] <= upto:
            self.round_trip.loaded(now - timed[2])
            self._timed = None

    def dropped(self, stream: int, count: int) -> None:
        """`count` bytes will never be acknowledged."""
        self.in_flight -= count
        if self._timed is not None and self._timed[0] == stream:
            self._timed = None

    def stalled_at(self) -> float | None:
        """When to give the route up, if nothing comes until then. Each stall in a row waits twice as long."""
        if not self.in_flight:
            return None
        return self._since + self.patience_s(STALL_LEAST_S)

    def patience_s(self, least: float) -> float:
        """How long to wait for anything of the peer."""
        smoothed = self.round_trip.smoothed
        wait = max(least, STALL_RTTS * smoothed) if smoothed else STALL_UNKNOWN_S
        return min(STALL_MOST_S, wait * (1 << min(self._stalls, 10)))

    def stalled(self, now: float) -> None:
        """It was given up, or there is no other."""
        self._stalls += 1
        self._since = now

    def rewound(self, round_trip: RoundTrip) -> None:
        """All starts again, by another route."""
        self.in_flight = 0
        self.round_trip = round_trip
        self._timed = None
