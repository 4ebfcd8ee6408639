"""When changes have settled, so that many of them are one restart. Pure: time is an argument.

A change is acted on once nothing changed for `QUIET`. A storm that does not end is acted on each `STORM`, and
an app that is restarted again and again, perhaps because it writes what it watches, is left alone for `REST`.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

QUIET: Final = 0.3
STORM: Final = 5.0
BURST: Final = 5  # so many restarts
BURST_WINDOW: Final = 60.0  # within so many seconds
REST: Final = 10.0


@dataclass(frozen=True)
class Settled:
    """What is to be acted on: the path that changed last, and how many did."""

    path: str
    count: int


class Calm:
    """Gathers the changes of one app until it is time to act."""

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}
        self._first = self._last = 0.0
        self._acted: deque[float] = deque(maxlen=BURST)

    def changed(self, paths: list[str], now: float) -> None:
        """These paths changed."""
        if not paths:
            return
        self._first = now if not self._paths else self._first
        self._last = now
        for path in paths:
            self._paths.pop(path, None)
            self._paths[path] = None

    def settled(self, now: float) -> Settled | None:
        """What to act on now, once; nothing while it is too early."""
        wait = self.wait(now)
        if wait is None or wait > 0:
            return None
        found = Settled([*self._paths][-1], len(self._paths))
        self._paths.clear()
        self._acted.append(now)
        return found

    def wait(self, now: float) -> float | None:
        """Seconds until it is time to act; None when nothing changed."""
        if not self._paths:
            return None
        return max(min(self._last + QUIET, self._first + STORM), self._rested()) - now

    def _rested(self) -> float:
        """From when on another restart may follow."""
        if not self._acted:
            return 0.0
        often = len(self._acted) == BURST and self._acted[-1] - self._acted[0] < BURST_WINDOW
        return self._acted[-1] + (REST if often else QUIET)
