"""The newest figures of one app, oldest dropped first. 16 bytes a point. Pure."""

import struct
from typing import Final, NamedTuple

POINTS: Final = 150  # five minutes at one point in two seconds
_POINT: Final = struct.Struct("=dfI")  # when, percent, KiB
_MOST_KIB: Final = (1 << 32) - 1  # 4 TiB


class Point(NamedTuple):
    """The figures at one moment; `at` is monotonic seconds."""

    at: float
    cpu_percent: float
    rss_bytes: int


class History:
    """A ring that grows to its bound and then overwrites."""

    __slots__ = ("_bound", "_next", "_points")

    def __init__(self, bound: int = POINTS) -> None:
        self._bound = bound
        self._points = bytearray()
        self._next = 0

    def add(self, at: float, cpu_percent: float, rss_bytes: int) -> None:
        """Put a point behind the others."""
        point = _POINT.pack(at, cpu_percent, min(rss_bytes >> 10, _MOST_KIB))
        if len(self) < self._bound:
            self._points += point
            return
        place = self._next * _POINT.size
        self._points[place : place + _POINT.size] = point
        self._next = (self._next + 1) % self._bound

    def points(self, since: float = 0.0) -> list[Point]:
        """The points from `since` on, oldest first."""
        kept = [Point(at, cpu, kib << 10) for at, cpu, kib in _POINT.iter_unpack(self._points)]
        return [point for point in kept[self._next :] + kept[: self._next] if point.at >= since]

    def __len__(self) -> int:
        return len(self._points) // _POINT.size
