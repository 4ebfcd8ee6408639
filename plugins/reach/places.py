"""The places of this host that others may be led to, and who may: the daemon says so, and may say it anew."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from plugins.reach.request import PlaceName


class Place(msgspec.Struct, frozen=True):
    """A unix socket of this host. `keys` are visors' public keys in hexadecimal; None lets everybody in.

    With `told`, the first 32 bytes that come to the socket are the key of the visor that is led there.
    """

    socket: str
    keys: frozenset[str] | None = None
    told: bool = False


class Places:
    """What is open to whom by now."""

    def __init__(self) -> None:
        self._by_name: dict[str, Place] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def names(self) -> list[str]:
        """All that are open to somebody."""
        return sorted(self._by_name)

    def replace(self, places: Mapping[PlaceName, Place]) -> None:
        """From now on there are these, and no others."""
        self._by_name = dict(places)

    def knows(self, peer: str) -> bool:
        """Whether that visor may go anywhere at all."""
        return any(_admits(place, peer) for place in self._by_name.values())

    def is_named(self, peer: str) -> bool:
        """Whether a place names that visor: it is no stranger."""
        return any(place.keys is not None and peer in place.keys for place in self._by_name.values())

    def place_for(self, peer: str, name: str) -> Place | None:
        """Where that visor is led when it asks for that place; None when it may not."""
        place = self._by_name.get(name)
        return place if place is not None and _admits(place, peer) else None


def _admits(place: Place, peer: str) -> bool:
    return place.keys is None or peer in place.keys
