"""Streams of visors that no place names, at places that are open to everybody. Pure.

There are at most so many. One more puts out the oldest that has not yet been led anywhere, of the visor that
has most of those: so a flood puts out its own. Who was led is the affair of whoever answers there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Crowd(Generic[T]):
    """Each stream stands here by whatever names it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[T, str] = {}  # of whom; the oldest first
        self._led: set[T] = set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._led)

    def put_out(self) -> T | None:
        """Whom to put out so that there is room for one more; None while there is room, or nobody waits."""
        if len(self) < self._most or not self._waiting:
            return None
        ((most, _),) = Counter(self._waiting.values()).most_common(1)
        oldest = next(one for one, peer in self._waiting.items() if peer == most)
        del self._waiting[oldest]
        return oldest

    def enter(self, one: T, peer: str) -> bool:
        """A stream of that visor comes; false when there is no room for it."""
        if len(self) >= self._most:
            return False
        self._waiting[one] = peer
        return True

    def led(self, one: T) -> None:
        """It has asked, and is led somewhere. One that never came here is passed over."""
        if self._waiting.pop(one, None) is not None:
            self._led.add(one)

    def leave(self, one: T) -> None:
        """It has ended."""
        self._waiting.pop(one, None)
        self._led.discard(one)
