"""The newest events, by cursor, for a daemon that was away. Pure.

A cursor is `life * LIFE + n`: the next keeper of a home counts in the next life, so cursors never repeat.
"""

from collections import deque
from typing import Final

from viscript.keeper.protocol import Json

LIFE: Final = 10**9
KEPT: Final = 10_000


class Ring:
    """A bounded memory of events."""

    def __init__(self, life: int, kept: int = KEPT) -> None:
        self._next = life * LIFE + 1
        self._events: deque[Json] = deque(maxlen=kept)

    @property
    def next_cursor(self) -> int:
        """The cursor the next event gets."""
        return self._next

    def add(self, kind: str, now: float, fields: Json) -> Json:
        """Number an event and keep it."""
        event: Json = {"ev": kind, "cursor": self._next, "t": now, **fields}
        self._next += 1
        self._events.append(event)
        return event

    def after(self, cursor: int | None) -> tuple[list[Json], bool]:
        """Events younger than `cursor` (none for None), and whether some in between are gone."""
        if cursor is None:
            return [], False
        oldest = self._events[0]["cursor"] if self._events else self._next
        gone = not oldest - 1 <= cursor < self._next
        return [event for event in self._events if gone or event["cursor"] > cursor], gone

    def restore(self, events: list[Json], next_cursor: int) -> None:
        """Take over what this keeper knew before it upgraded itself."""
        self._events.extend(events)
        self._next = next_cursor

    def dump(self) -> list[Json]:
        """All that is kept, oldest first."""
        return list(self._events)
