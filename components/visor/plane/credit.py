"""Hop credit: how many payload bytes may be under way on one route between two neighbours. Pure.

Both sides count from the start of the route. A credit frame's limit only grows, so that a late one does no
harm. The receiver grants again when half of its window was taken on. To get a promise back it recalls it:
until the sender has said how far it goes, the receiver tells no new limit.
"""

from components.visor.plane.limits import HOP_FIRST


class Granted:
    """What we promised to take of the neighbour.

    It begins with the first window, which the neighbour knows without being told: a credit frame sent before
    the neighbour has its rule would be lost. `charge` is what the node counts as promised.
    """

    __slots__ = ("_done", "charge", "limit", "recalled", "received", "window")

    def __init__(self) -> None:
        self.window = self.limit = self.charge = HOP_FIRST
        self.recalled = False  # the neighbour is asked how far it goes
        self.received = 0
        self._done = 0

    def take(self, size: int) -> bool:
        """Payload came in; false, and nothing counted, where that is more than was allowed."""
        received = self.received + size
        if received > self.limit:
            return False
        self.received = received
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
        """The new limit, to be told; never while the promise is recalled."""
        self.limit = max(self.limit, self._done + self.window)
        return self.limit

    def recall(self) -> int:
        """The limit that would do for a first window; whoever went further already says so."""
        return self._done + HOP_FIRST

    @property
    def promised(self) -> int:
        """Bytes that may still come, or came and did not go on yet."""
        return self.limit - self._done

    @property
    def held(self) -> int:
        """Bytes that came in and did not go on yet."""
        return self.received - self._done


class Allowed:
    """What the neighbour promised to take of us."""

    __slots__ = ("asked", "limit", "sent", "wide")

    def __init__(self, limit: int = HOP_FIRST) -> None:
        self.limit = limit
        self.sent = 0
        self.wide = False  # any frame passes sooner or later, without being asked for
        self.asked = False  # for a wider window

    @property
    def room(self) -> int:
        """Payload bytes that may go out now."""
        return self.limit - self.sent

    def told(self, limit: int) -> bool:
        """A credit frame came; whether there is more room than before."""
        if limit <= self.limit:
            return False
        self.limit = limit
        self.asked = False
        if limit - self.sent > HOP_FIRST:
            self.wide = True
        return True

    def recalled(self, limit: int) -> int:
        """The neighbour wants its promise back: how far we go, which holds from now on."""
        self.limit = min(self.limit, max(limit, self.sent))
        self.wide = self.asked = False
        return self.limit
