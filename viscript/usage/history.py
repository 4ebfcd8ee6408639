"""The newest figures of one app, oldest dropped first. 16 bytes a point. Pure."""

from array import array
from typing import Final, NamedTuple

POINTS: Final = 150  # five minutes at one point in two seconds


class Point(NamedTuple):
    """The figures at one moment; `at` is monotonic seconds."""

    at: float
    cpu_percent: float
    rss_bytes: int


class History:
    """A ring that grows to its bound and then overwrites."""

    __slots__ = ("_at", "_bound", "_cpu", "_next", "_rss")

    def __init__(self, bound: int = POINTS) -> None:
        self._bound = bound
        self._at = array("d")
        self._cpu = array("f")
        self._rss = array("L")  # KiB: an unsigned long may be 32 bits
        self._next = 0

    def add(self, at: float, cpu_percent: float, rss_bytes: int) -> None:
        """Put a point behind the others."""
        if len(self._at) < self._bound:
            self._at.append(at)
            self._cpu.append(cpu_percent)
            self._rss.append(rss_bytes >> 10)
            return
        place = self._next
        self._at[place], self._cpu[place], self._rss[place] = at, cpu_percent, rss_bytes >> 10
        self._next = (place + 1) % self._bound

    def points(self, since: float = 0.0) -> list[Point]:
        """The points from `since` on, oldest first."""
        order = [*range(self._next, len(self._at)), *range(self._next)]
        return [Point(self._at[i], self._cpu[i], self._rss[i] << 10) for i in order if self._at[i] >= since]

    def __len__(self) -> int:
        return len(self._at)
