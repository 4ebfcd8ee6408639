"""Which of several connections between two hosts is used. Pure, and the same on both sides.

Both may have dialled at the same time. That dialled by the host with the smaller key is used; of two that
the same host dialled, the newer one, since who dials again has lost the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from signal_bus.ids import PublicKey


class Dialled(Protocol):
    """What must be known of a connection."""

    @property
    def dialled(self) -> bool:
        """Whether this side dialled it."""

    @property
    def made_at(self) -> float:
        """When, by this side's clock."""


D = TypeVar("D", bound=Dialled)


def best(links: Sequence[D], me: PublicKey, other: PublicKey) -> D | None:
    """The one to use; None where there is none."""
    return max(links, key=lambda link: (link.dialled == (me < other), link.made_at), default=None)


def first_number(me: PublicKey, other: PublicKey) -> int:
    """The number of the first stream this side opens."""
    return 1 if me < other else 2
