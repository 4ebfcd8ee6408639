"""Links that did not answer lately: a path by them is tried last. Pure; shared by all groups of a node.

A frozen node is noticed by its silence only, and that takes a link half a minute. Until then whoever dials
would wait for it again and again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Final

SUSPECT_S: Final = 10.0
MOST: Final = 1024


class Suspects:
    """A bounded number of them, each for a while."""

    def __init__(self) -> None:
        self._until: dict[uuid.UUID, float] = {}

    def add(self, transports: Iterable[uuid.UUID], now: float) -> None:
        """They took part in something that did not answer."""
        for transport in transports:
            self._until.pop(transport, None)
            self._until[transport] = now + SUSPECT_S
        while len(self._until) > MOST:
            del self._until[next(iter(self._until))]

    def clear(self, transports: Iterable[uuid.UUID]) -> None:
        """They answered."""
        for transport in transports:
            self._until.pop(transport, None)

    def at(self, now: float) -> frozenset[uuid.UUID]:
        """Those of now."""
        return frozenset(transport for transport, until in self._until.items() if until > now)
