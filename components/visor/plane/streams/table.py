"""The streams of a group by their ids. Pure.

The side that dialled the group opens even ids from 2 on, the other one odd ids from 1 on, in rising order; an
id is never used again. Thereby one number tells whether an unknown id was never there, or is finished.
"""

from collections.abc import Iterator

from components.visor.plane.streams.errors import LimitError
from components.visor.plane.streams.limits import ID_MAX
from components.visor.plane.streams.stream import Stream


class Streams:
    """Those that live, and the highest id of each side."""

    def __init__(self, *, initiator: bool, most: int, last_id: int = ID_MAX) -> None:
        self._ours = 0 if initiator else 1
        self._next = 2 if initiator else 1
        self._most = most
        self._last_id = last_id
        self._alive: dict[int, Stream] = {}
        self._highest_theirs = 0
        self.get = self._alive.get

    def __len__(self) -> int:
        return len(self._alive)

    def __iter__(self) -> Iterator[Stream]:
        return iter(list(self._alive.values()))

    def ours(self, id: int) -> bool:
        """Whether it is for us to open this id."""
        return id & 1 == self._ours

    @property
    def full(self) -> bool:
        """Whether as many live as may."""
        return len(self._alive) >= self._most

    def next_id(self) -> int:
        """The id of the next stream we open; raises `LimitError` when there is none."""
        if self.full:
            raise LimitError(f"{self._most} streams are open to this node")
        if self._next > self._last_id:
            raise LimitError("all ids of this group are used up: a new group is needed")
        self._next += 2
        return self._next - 2

    def add(self, stream: Stream) -> None:
        """It lives from now on."""
        self._alive[stream.id] = stream

    def forget(self, id: int) -> None:
        """It lives no more."""
        self._alive.pop(id, None)

    def known(self, id: int) -> bool:
        """Whether this id was ever in use, as far as we can know."""
        return id < self._next if self.ours(id) else id <= self._highest_theirs

    def saw(self, id: int) -> None:
        """The peer named an id of its own."""
        self._highest_theirs = max(self._highest_theirs, id)

    def restarted(self) -> None:
        """The peer counts from the start again."""
        self._highest_theirs = 0
