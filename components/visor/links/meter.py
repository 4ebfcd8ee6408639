"""Counts bytes by transport and UTC day until they are written down. Pure: days are handed in.

Anybody can draw keys, and each key that connects is another transport. So only the first ones of a day have a
row of their own; what the others move is counted together, under `OTHERS`.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Final, NamedTuple

from components.visor.links.limits import NAMED_A_DAY

OTHERS: Final = uuid.UUID(int=0)


class Moved(NamedTuple):
    """What one transport carried on one day."""

    day: str  # as in 2030-12-31, by UTC
    id: uuid.UUID
    sent_bytes: int
    received_bytes: int


def day_of(seconds: float) -> str:
    """The UTC day of a time in seconds since 1970."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat()


class Meter:
    """What was moved and is not written yet."""

    def __init__(self, *, named_a_day: int = NAMED_A_DAY) -> None:
        self._pending: dict[tuple[str, uuid.UUID], list[int]] = {}
        self._named: dict[str, set[uuid.UUID]] = {}
        self._named_a_day = named_a_day

    def note(self, day: str, id: uuid.UUID, sent: int, received: int) -> None:
        """These bytes came to those of a transport."""
        if sent or received:
            both = self._pending.setdefault((day, self._name(day, id)), [0, 0])
            both[0] += sent
            both[1] += received

    def take(self) -> list[Moved]:
        """All that is to be written; it counts as written until `give_back`."""
        pending, self._pending = self._pending, {}
        return [Moved(day, id, *both) for (day, id), both in pending.items()]

    def give_back(self, rows: Iterable[Moved]) -> None:
        """It could not be written."""
        for day, id, sent, received in rows:
            self.note(day, id, sent, received)

    def _name(self, day: str, id: uuid.UUID) -> uuid.UUID:
        if day not in self._named:
            self._named = {each: self._named[each] for each in list(self._named)[-1:]} | {day: set()}
        named = self._named[day]
        if id not in named and len(named) >= self._named_a_day:
            return OTHERS
        named.add(id)
        return id
