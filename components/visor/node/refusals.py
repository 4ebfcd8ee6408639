"""Which peers got no route of late, and who said why: for those who ask later what is wrong. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from components.mesh.setup import Failure
from signal_bus.ids import PublicKey

KEPT_S: Final = 120.0  # a dial that goes on failing is tried, and noted, more often than that
KEPT_MOST: Final = 64
NOT_ALLOWED: Final = "not-allowed"


class Refusal(NamedTuple):
    """The last try for a route to `peer`: what failed first, and when."""

    peer: PublicKey
    failure: Failure
    at: float

    @property
    def is_for_good(self) -> bool:
        """Whether somebody said no, which stays so until a person changes it."""
        return self.failure.reason == NOT_ALLOWED


class Refusals:
    """One a peer, the latest; a route that stands takes it back."""

    def __init__(self) -> None:
        self._kept: dict[PublicKey, Refusal] = {}

    def note(self, peer: PublicKey, failure: Failure, now: float) -> None:
        """There is no route to that peer."""
        self._kept.pop(peer, None)
        self._kept[peer] = Refusal(peer, failure, now)
        if len(self._kept) > KEPT_MOST:
            del self._kept[next(iter(self._kept))]

    def over(self, peer: PublicKey) -> None:
        """There is one now."""
        self._kept.pop(peer, None)

    def recent(self, now: float) -> list[Refusal]:
        """Those of late, the ones that stay so first."""
        late = [one for one in self._kept.values() if now - one.at < KEPT_S]
        return sorted(late, key=lambda one: not one.is_for_good)
