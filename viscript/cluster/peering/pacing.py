"""When another cluster is told anew how we stand to it. Pure: time is an argument.

At once when what we say has changed; after a failure in pauses that double; and while our proposal waits,
again after a quarter of the time that it has waited, since the other side may know no way to us.
"""

from __future__ import annotations

from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.peering.standing import Peering, Standing

FIRST_S: Final = 2.0
LONGEST_S: Final = 60.0


class Pacing:
    """What each was told last, and when it is the next one's turn."""

    def __init__(self) -> None:
        self._told: dict[PublicKey, object] = {}
        self._next: dict[PublicKey, float] = {}
        self._pause: dict[PublicKey, float] = {}
        self._since: dict[PublicKey, float] = {}  # when it first heard what it was told last

    def due(self, one: Peering, mark: object, now: float) -> bool:
        """Whether it is to be told; `mark` is what would be said."""
        if now < self._next.get(one.key, now):
            return False
        return one.standing is Standing.PROPOSED or self._told.get(one.key) != mark

    def soon(self, key: PublicKey) -> None:
        """Something has changed: do not wait for a pause to end."""
        self._next.pop(key, None)
        self._pause.pop(key, None)

    def told(self, key: PublicKey, mark: object, now: float) -> None:
        """It has heard that."""
        if self._told.get(key) != mark:
            self._told[key], self._since[key] = mark, now
        self._pause.pop(key, None)
        waited = now - self._since[key]
        self._next[key] = now + min(LONGEST_S, max(FIRST_S, waited / 4))

    def failed(self, key: PublicKey, now: float) -> None:
        """It could not be reached."""
        pause = min(LONGEST_S, 2 * self._pause.get(key, FIRST_S / 2))
        self._pause[key] = pause
        self._next[key] = now + pause

    def forget(self, key: PublicKey) -> None:
        """It is a stranger again."""
        for kept in (self._told, self._next, self._pause, self._since):
            kept.pop(key, None)
