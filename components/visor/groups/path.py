"""What a route may look like, and which of several paths to take. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.mesh.errors import CallerError
from signal_bus.ids import PublicKey

MAX_HOPS = 14
"""The hops nibble of a frame counts down from 15."""


@dataclass(frozen=True)
class Policy:
    """What a dial asks of its routes. Groups are shared by streams of the same peer and policy.

    `min_hops` counts links: 1 is a direct neighbour. `through`, where given, names every node between.
    Streams of another `group` never share routes with these.
    """

    min_hops: int = 1
    through: tuple[PublicKey, ...] = ()
    group: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.min_hops <= MAX_HOPS:
            raise CallerError(f"min_hops is 1 to {MAX_HOPS}, not {self.min_hops}")
        if len(self.through) >= MAX_HOPS:
            raise CallerError(f"a route has at most {MAX_HOPS} hops")


@dataclass(frozen=True)
class Hop:
    """One link of a path."""

    transport: uuid.UUID
    source: PublicKey
    target: PublicKey


@dataclass(frozen=True)
class Path:
    """The links from us to the peer, in order; a smaller `cost` is better."""

    hops: tuple[Hop, ...]
    cost: int

    @property
    def transports(self) -> frozenset[uuid.UUID]:
        """The links, whatever their order."""
        return frozenset(hop.transport for hop in self.hops)

    @property
    def between(self) -> tuple[PublicKey, ...]:
        """The nodes between the ends."""
        return tuple(hop.target for hop in self.hops[:-1])


def fits(path: Path, policy: Policy) -> bool:
    """Whether the contract of the dial is kept, whatever the finder says."""
    if len(path.hops) < policy.min_hops or len(path.hops) > MAX_HOPS:
        return False
    return not policy.through or path.between == policy.through


def next_path(
    found: Sequence[Path],
    used: Iterable[Path],
    policy: Policy,
    suspects: frozenset[uuid.UUID] = frozenset(),
) -> Path | None:
    """The path for one more route beside those in use: as little in common with them as can be, then cheap.

    One by `suspects`, links that did not answer lately, is the last choice. None where nothing
    but paths already in use is left.
    """
    taken = list(used)
    busy = frozenset[uuid.UUID]().union(*(path.transports for path in taken))
    nodes = {key for path in taken for key in path.between}
    fresh = [
        path
        for path in found
        if fits(path, policy) and all(path.transports != other.transports for other in taken)
    ]
    return min(
        fresh,
        key=lambda path: (
            bool(path.transports & suspects),
            len(path.transports & busy),
            len(nodes & set(path.between)),
            path.cost,
        ),
        default=None,
    )
