"""Whether a node's streams have company: one that moves alone may keep more under way. Pure.

What is under way waits somewhere, and units of other streams wait behind it; but with more of it each process
on the way does more each time it is woken, which costs a fifth less CPU. So nobody pays for it who is there.
"""

from components.visor.plane.streams.limits import ALONE_AFTER_S, ALONE_SLACK_S


class Company:
    """Which stream of a node moved data last, and since when no other one did."""

    def __init__(self) -> None:
        self._last: object = None
        self._changed = 0.0

    def moved(self, stream: object, now: float) -> None:
        """Data of `stream` went in or out."""
        if stream is not self._last:
            self._last = stream
            self._changed = now

    def slack_s(self, now: float) -> float:
        """How long a window may last beyond what the round trip needs."""
        return ALONE_SLACK_S if now - self._changed > ALONE_AFTER_S else 0.0
