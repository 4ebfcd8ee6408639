"""Whether the route in use still carries, where no acknowledgement can tell: nothing is in flight. Pure.

A stream that has used up its credit, or waits to be accepted, goes on when the peer says something. If the
link died with that word on it, both ends would wait until the link is given up. So the route is asked, soon
at first, then less often: the app at the other end may just be slow.
"""

from components.visor.plane.streams.limits import ASK_LEAST_S, ASK_MOST_S


class Doubt:
    """The streams that wait for a word, and when to ask next or to give up waiting for the answer."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting: set[int] = set()
        self._pause = ASK_LEAST_S
        self._at = 0.0

    def waits(self, stream: int, now: float) -> None:
        """This stream cannot go on by itself."""
        if not self._waiting:
            self.asked = False
            self._pause = ASK_LEAST_S
            self._at = now + self._pause
        self._waiting.add(stream)

    def goes_on(self, stream: int) -> None:
        """It heard what it waited for, or is over."""
        self._waiting.discard(stream)

    def clear(self) -> None:
        """Another route is in use: each stream tries again."""
        self._waiting.clear()

    @property
    def at(self) -> float | None:
        """When the route is to be asked, or its answer is missing; None when nobody waits."""
        return self._at if self._waiting else None

    def ask(self, now: float, patience_s: float) -> None:
        """The route is asked now."""
        self.asked = True
        self._at = now + patience_s

    def later(self, now: float) -> None:
        """It answered, or will be judged by what is in flight: ask again after a longer pause."""
        self.asked = False
        self._pause = min(2 * self._pause, ASK_MOST_S)
        self._at = now + self._pause
