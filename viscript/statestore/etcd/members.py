"""Which member is asked first: the one that answered last; those that failed lately come at the end. Pure."""

from __future__ import annotations

import math
from typing import Final

SHUN_S: Final = 10.0
LEAST_S: Final = 0.3  # what one member is given at least


class Members:
    """The members of one engine."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._preferred = names[0]
        self._failed: dict[str, float] = {}
        self.faults: dict[str, str] = {}  # why the last try failed, by member
        self.answered_at: float | None = None

    def order(self, now: float) -> list[str]:
        """All of them, the best first."""
        return sorted(self.names, key=lambda name: (self._shunned(name, now), name != self._preferred))

    def good(self, name: str, now: float) -> None:
        """It answered."""
        self._preferred, self.answered_at = name, now
        self._failed.pop(name, None)
        self.faults.pop(name, None)

    def bad(self, name: str, now: float, why: str) -> None:
        """It did not."""
        self._failed[name] = now
        self.faults[name] = why

    def away_s(self, now: float, since: float) -> float:
        """How long none has answered."""
        return now - (since if self.answered_at is None else max(self.answered_at, 0.0))

    def _shunned(self, name: str, now: float) -> float:
        """0 for one that is well, else more the later it failed."""
        failed = self._failed.get(name)
        return 0.0 if failed is None or now - failed > SHUN_S else failed


def share(left: float, members: int, fair: float = math.inf) -> float:
    """What one of so many members may take of the time that is left, at most its `fair` part of all of it.

    Else the last of a round, when frozen, would leave no time to ask those again that had no leader.
    """
    return min(max(min(left / max(members, 1), fair), LEAST_S), left)
