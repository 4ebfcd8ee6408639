"""Whose turn it is among the streams of a group. Pure.

Units without payload go first. Payload goes by deficit round robin with two rings: a stream that begins to
have something stands in the fresh ring, before all that have much; when its turn is over, or it is empty, it
goes through the other ring once, so that nobody stays ahead by stopping for a moment.
"""

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from components.visor.plane.streams.limits import CROWD, QUANTUM

if TYPE_CHECKING:
    from components.visor.plane.streams.stream import Stream


class Place(Enum):
    """Where a stream stands."""

    OFF = 0
    FRESH = 1
    REST = 2
    STARVED = 3  # no memory to keep what it would send


class Agenda:
    """The order of sending."""

    def __init__(self) -> None:
        self.urgent: deque[Stream] = deque()
        self._fresh: deque[Stream] = deque()
        self._rest: deque[Stream] = deque()
        self._starved: list[Stream] = []

    def flag(self, stream: "Stream", pending: int) -> None:
        """These units of `stream` wait."""
        stream.pending |= pending
        if not stream.flagged:
            stream.flagged = True
            self.urgent.append(stream)

    def settled(self) -> None:
        """The stream at the head of `urgent` has nothing waiting any more."""
        self.urgent.popleft().flagged = False

    def sort(self) -> None:
        """Order what waits by the ids, as a new route must hear of them."""
        self.urgent = deque(sorted(self.urgent, key=lambda stream: stream.id))

    def activate(self, stream: "Stream") -> None:
        """`stream` may have payload to send."""
        if stream.place is Place.OFF:
            stream.place = Place.FRESH
            stream.deficit = QUANTUM
            self._fresh.append(stream)

    @property
    def busy(self) -> bool:
        """Whether any stream may have payload to send."""
        return bool(self._fresh or self._rest)

    @property
    def crowded(self) -> bool:
        """Whether many take turns with payload."""
        return len(self._rest) >= CROWD

    def head(self) -> "Stream | None":
        """Whose turn it is."""
        while True:
            ring = self._fresh or self._rest
            if not ring:
                return None
            stream = ring[0]
            if stream.deficit > 0:
                return stream
            stream.deficit += QUANTUM
            self._to_rest(ring)

    def _to_rest(self, ring: "deque[Stream]") -> None:
        stream = ring.popleft()
        stream.place = Place.REST
        self._rest.append(stream)

    def emptied(self, stream: "Stream") -> None:
        """`stream`, which `head` named, has nothing to send now."""
        if stream.place is Place.FRESH:
            self._to_rest(self._fresh)
        else:
            self._rest.popleft()
            stream.place = Place.OFF

    def dried(self, stream: "Stream") -> None:
        """`stream`, which `head` named, has nothing more, and is activated when it has.

        It need not be asked again, but where others wait it goes through their ring once, as above.
        """
        if stream.place is Place.FRESH and self._rest:
            self._to_rest(self._fresh)
            return
        (self._fresh if stream.place is Place.FRESH else self._rest).popleft()
        stream.place = Place.OFF

    def starve(self, stream: "Stream") -> None:
        """`stream`, which `head` named, waits for memory."""
        (self._fresh if stream.place is Place.FRESH else self._rest).popleft()
        stream.place = Place.STARVED
        self._starved.append(stream)

    def feed(self) -> None:
        """There may be memory again."""
        starved, self._starved = self._starved, []
        for stream in starved:
            stream.place = Place.OFF
            self.activate(stream)
