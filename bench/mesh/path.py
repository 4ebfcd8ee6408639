"""A path of nodes, up, with streams between apps' sockets."""

from __future__ import annotations

from bench.mesh.crew import Crew
from bench.mesh.layout import Cable, cable, ends, middle

Streams = list[tuple[int, int]]
"""The apps' ends of each stream, near and far."""


def path(crew: Crew, middles: list[int], streams: int, *, relayed: bool = False) -> Streams:
    """Nodes with one route for each item of `middles`, which says how many nodes lie between on it.

    With `relayed`, a messenger copies between the two ends of each link.
    """
    tcp = _by_relay if relayed else Crew.tcp
    cables = [[cable(*tcp(crew)) for _ in range(count + 1)] for count in middles]
    near, far = ([crew.stream() for _ in range(streams)] for _ in range(2))
    first, last = ends(cables, tuple(pair[1] for pair in near), tuple(pair[1] for pair in far))
    for number, route in enumerate(cables, 1):
        _between(crew, number, route)
    crew.node("last", last)
    crew.node("first", first)
    return [(left[0], right[0]) for left, right in zip(near, far, strict=True)]


def _by_relay(crew: Crew) -> tuple[int, int]:
    (left, near), (far, right) = crew.tcp(), crew.tcp()
    crew.app(f"relay {left}", "relay", near, far, fds=[near, far])
    return left, right


def _between(crew: Crew, number: int, route: list[Cable]) -> None:
    for place in range(1, len(route)):
        crew.node(f"middle {number}.{place}", middle(route[place - 1], route[place]))
