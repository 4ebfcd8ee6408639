"""How many bytes each key may have relayed a day. Pure: the day is an argument."""

from typing import Final

from signal_bus.ids import PublicKey

MAX_KEYS: Final = 65_536


class DayQuota:
    """Counts by key; all starts anew with another day. A limit of 0 is none."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._day = 0
        self._used: dict[PublicKey, int] = {}

    def take(self, key: PublicKey, size: int, day: int) -> bool:
        """Count `size` bytes; whether that was still within the limit."""
        self._turn(day)
        if key not in self._used and len(self._used) >= MAX_KEYS:
            return not self.limit  # what cannot be counted cannot be allowed
        used = self._used[key] = self._used.get(key, 0) + size
        return not self.limit or used <= self.limit

    def is_left(self, key: PublicKey, day: int) -> bool:
        """Whether a key has bytes left."""
        self._turn(day)
        return not self.limit or self._used.get(key, 0) < self.limit

    def used(self, day: int) -> dict[PublicKey, int]:
        """The bytes of each key so far."""
        self._turn(day)
        return dict(self._used)

    def _turn(self, day: int) -> None:
        if day != self._day:
            self._day = day
            self._used.clear()
