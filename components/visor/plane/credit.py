"""Hop credit: how many payload bytes may be under way on one route between two neighbours. Pure.

Both sides count from the start of the route and never back, so that a lost or repeated credit frame does no
harm: a limit only grows. The receiver grants again when half of its window was taken on.
"""

from components.visor.plane.limits import HOP_BUDGET, HOP_WINDOW, HOP_WINDOW_LEAST


class HopBudget:
    """The bytes of all windows a node has promised."""

    def __init__(self, limit: int = HOP_BUDGET) -> None:
        self.left = limit

    def take(self) -> int:
        """A window; 0 when there is no memory for the smallest."""
        window = HOP_WINDOW if self.left >= 2 * HOP_WINDOW else HOP_WINDOW_LEAST
        if self.left < window:
            return 0
        self.left -= window
        return window

    def give_back(self, window: int) -> None:
        """A route ended."""
        self.left += window


class Granted:
    """What we promised to take of the neighbour.

    It begins with the least, which the neighbour knows without being told: a credit frame sent before the
    neighbour has its rule would be lost. The first data brings the rest of the window.
    """

    __slots__ = ("_done", "_received", "limit", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.limit = HOP_WINDOW_LEAST
        self._received = 0
        self._done = 0

    def take(self, size: int) -> bool:
        """Payload came in; false, and nothing counted, where that is more than was allowed."""
        received = self._received + size
        if received > self.limit:
            return False
        self._received = received
        return True

    def done(self, size: int) -> bool:
        """Payload went on; whether the neighbour should be told a new limit now."""
        self._done += size
        return self._done + self.window - self.limit >= self.window // 2

    @property
    def worth_telling(self) -> bool:
        """Whether a new limit should go along with what is sent anyway: it would soon go alone.

        Never before the neighbour's first data: it may not have its rule yet.
        """
        return self._done > 0 and self._done + self.window - self.limit >= self.window // 4

    def renew(self) -> int:
        """The new limit, to be told."""
        self.limit = self._done + self.window
        return self.limit

    @property
    def held(self) -> int:
        """Bytes that came in and did not go on yet."""
        return self._received - self._done


class Allowed:
    """What the neighbour promised to take of us."""

    __slots__ = ("limit", "sent")

    def __init__(self, limit: int = HOP_WINDOW_LEAST) -> None:
        self.limit = limit
        self.sent = 0

    @property
    def room(self) -> int:
        """Payload bytes that may go out now."""
        return self.limit - self.sent

    def told(self, limit: int) -> bool:
        """A credit frame came; whether there is more room than before."""
        if limit <= self.limit:
            return False
        self.limit = limit
        return True
