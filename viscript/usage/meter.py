"""CPU use of one process between two looks. Pure.

The system counts in hundredths of a second: over a short span the share is noise. So two earlier looks are
kept, and the share is taken since the newer one only when that is old enough.
"""

from typing import Final

SPAN_S: Final = 1.0


class Meter:
    """Starts from the birth of the process, so that the first share is the mean over its life."""

    __slots__ = ("_newer_at", "_newer_cpu", "_older_at", "_older_cpu")

    def __init__(self, born_at: float, cpu_seconds: float = 0.0) -> None:
        self._older_at = self._newer_at = born_at
        self._older_cpu = self._newer_cpu = cpu_seconds

    def percent(self, at: float, cpu_seconds: float) -> float:
        """The share of one core since an earlier look; takes note of this one."""
        span = at - self._newer_at
        if span < SPAN_S:
            return _share(at - self._older_at, cpu_seconds - self._older_cpu)
        share = _share(span, cpu_seconds - self._newer_cpu)
        self._older_at, self._older_cpu = self._newer_at, self._newer_cpu
        self._newer_at, self._newer_cpu = at, cpu_seconds
        return share


def _share(span: float, used: float) -> float:
    return 100.0 * used / span if span > 0 and used > 0 else 0.0
