"""What a receiver promises to take: the absolute limit of a stream, and how it grows. Pure.

A promise not yet used is charged to the node's budget. A window grows as long as it is what holds the
stream up: when a whole one is used up within two round trips. One that lasts much longer is halved: what is
under way beyond need only waits somewhere, and small units behind it. Under shortage it shrinks down to a
floor, which is reserved for the life of the stream.
"""

from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.errors import LimitError
from components.visor.plane.streams.limits import (
    SHORT_S,
    SHRINK,
    TUNE_RTTS,
    WINDOW_FLOOR,
    WINDOW_MAX,
    WINDOW_START,
)


class Window:
    """How far the peer may send on one stream."""

    __slots__ = ("_budget", "_charged", "_epoch_at", "_epoch_from", "limit", "size")

    def __init__(self, budget: Budget, now: float, *, others: int = 0) -> None:
        """`others`: windows of the same group, so that one peer cannot reserve all there is."""
        if not budget.take(WINDOW_FLOOR, held=others * WINDOW_FLOOR):
            raise LimitError("no memory is left for the window of another stream")
        extra = budget.take_some(WINDOW_START - WINDOW_FLOOR, held=WINDOW_FLOOR)
        self._budget = budget
        self._charged = WINDOW_FLOOR + extra
        self.limit = self._charged
        self.size = WINDOW_START
        self._epoch_at = now
        self._epoch_from = 0

    def taken(self, offset: int, now: float, rtt: float, slack_s: float = 0.0) -> bool:
        """The app has all before `offset`: whether the limit rose.

        `rtt` is 0 when unknown; a window may last `slack_s` longer than the round trip asks for.
        """
        promised = self.limit - offset
        if promised > self.size >> 1:
            return False
        self._discharge(max(promised, WINDOW_FLOOR))
        self._tune(offset, now, _needed_s(rtt, slack_s))
        return self._raise(promised)

    def _discharge(self, still: int) -> None:
        if still < self._charged:
            self._budget.give(self._charged - still)
            self._charged = still

    def _tune(self, offset: int, now: float, needed_s: float) -> None:
        if offset - self._epoch_from < self.size:
            return
        lasted = now - self._epoch_at
        if lasted < needed_s and self.size < WINDOW_MAX:
            self.size *= 2
        elif lasted > SHRINK * needed_s > 0 and self.size > WINDOW_START:
            self.size >>= 1
        self._epoch_at = now
        self._epoch_from = offset

    def _raise(self, promised: int) -> bool:
        wanted = self.size - promised
        reserved = self._charged - promised
        extra = self._budget.take_some(wanted - reserved, held=self._charged)
        if reserved + extra < WINDOW_FLOOR >> 1:  # a grant this small is not worth a unit
            self._budget.give(extra)
            return False
        self._charged += extra
        self.limit += reserved + extra
        return True

    def release(self) -> None:
        """Give back all that is promised; the window is of no use afterwards."""
        self._budget.give(self._charged)
        self._charged = 0


def _needed_s(rtt: float, slack_s: float) -> float:
    """How long a window should last; on a short way in company its first size is always enough."""
    if not rtt or (rtt < SHORT_S and not slack_s):
        return rtt
    return TUNE_RTTS * rtt + slack_s
