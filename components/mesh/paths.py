"""Routes through a graph of transports: the k shortest simple paths, and a second one apart from the first.

Pure. A path visits no node twice; two transports between one pair make two paths. Paths come in the order of
their weight; among equal ones fewer hops, then smaller ids, come first.

How: `_Toll` knows, for each node and number of hops, the least weight of any walk of that many hops to the
end. So partial paths taken best first go nearly straight there, also with `min_hops`, for which plain
k-shortest-paths algorithms would first go through all that are too short. The relaxation forgets only that
a path is simple. Where that misleads (many cycles, high `min_hops`), `STEPS` bounds the work: then fewer
paths than there are may be found, never wrong ones.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from components.mesh.errors import CallerError
from signal_bus.ids import PublicKey

MAX_HOPS: Final = 15  # a frame's count of hops has four bits
STEPS: Final = 100_000  # partial paths that are kept in one search, of some 300 bytes each
FIRSTS: Final = 4  # first paths that are tried for a second one apart


class Edge(NamedTuple):
    """One transport: usable both ways at the same weight, which is more than 0."""

    id: str
    one: PublicKey
    other: PublicKey
    weight: float


class Hop(NamedTuple):
    """One step of a path."""

    transport: str
    start: PublicKey
    end: PublicKey


Path = tuple[Hop, ...]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a path must be like. `via`: exactly these nodes in between, in their order."""

    min_hops: int = 1
    max_hops: int = MAX_HOPS
    via: tuple[PublicKey, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.min_hops <= self.max_hops <= MAX_HOPS:
            raise CallerError(
                f"hops must be 0 <= {self.min_hops} (least) <= {self.max_hops} (most) <= {MAX_HOPS}"
            )


class Graph:
    """Transports between nodes; never changed once made, so that any thread may search it."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        near: dict[PublicKey, list[tuple[float, str, PublicKey]]] = {}
        for edge in edges:
            if edge.one != edge.other and 0 < edge.weight < math.inf:
                near.setdefault(edge.one, []).append((edge.weight, edge.id, edge.other))
                near.setdefault(edge.other, []).append((edge.weight, edge.id, edge.one))
        self._near = {node: tuple(sorted(found)) for node, found in near.items()}

    def __contains__(self, node: PublicKey) -> bool:
        return node in self._near

    def near(self, node: PublicKey) -> Sequence[tuple[float, str, PublicKey]]:
        """Weight, transport and neighbour of all that `node` has."""
        return self._near.get(node, ())

    def without(self, nodes: Iterable[PublicKey], transports: Iterable[str]) -> Graph:
        """This graph less some nodes and transports."""
        gone, cut = frozenset(nodes), frozenset(transports)
        rest = Graph(())
        rest._near = {
            node: tuple(each for each in found if each[2] not in gone and each[1] not in cut)
            for node, found in self._near.items()
            if node not in gone
        }
        return rest


_ANY: Final = Wish()


def shortest(
    graph: Graph, start: PublicKey, end: PublicKey, wish: Wish = _ANY, *, count: int = 1
) -> list[Path]:
    """At most `count` paths, the best first; none where there is none, or from a node to itself."""
    if start == end or start not in graph or end not in graph or count < 1:
        return []
    if wish.via is not None:
        if not wish.min_hops <= len(wish.via) + 1 <= wish.max_hops or start in wish.via or end in wish.via:
            return []
        graph = _chain(graph, (start, *wish.via, end))
        wish = Wish(min_hops=len(wish.via) + 1, max_hops=len(wish.via) + 1)
    found: list[Path] = []
    for path in _in_order(graph, start, end, wish):
        found.append(path)
        if len(found) == count:
            break
    return found


def pair(graph: Graph, start: PublicKey, end: PublicKey, wish: Wish = _ANY) -> list[Path]:
    """A path and a second one for when it fails: sharing no node in between, else no transport, else another.

    A first path that is not the very best is taken where only that leaves a second one apart.
    """
    firsts = shortest(graph, start, end, wish, count=FIRSTS)
    for nodes_too in (True, False):
        for first in firsts:
            rest = graph.without(_between(first) if nodes_too else (), (hop.transport for hop in first))
            second = shortest(rest, start, end, wish)
            if second:
                return [first, *second]
    return firsts[:2]


def _between(path: Path) -> set[PublicKey]:
    return {hop.end for hop in path[:-1]}


def _chain(graph: Graph, nodes: Sequence[PublicKey]) -> Graph:
    """Only the transports from each node of a row to the next."""
    return Graph(
        Edge(transport, here, there, weight)
        for here, there in pairwise(nodes)
        for weight, transport, node in graph.near(here)
        if node == there
    )


class _Partial(NamedTuple):
    """A path on its way, ordered as it is taken from the heap."""

    least: float  # no whole path that begins like this weighs less
    hops: int
    ids: tuple[str, ...]
    nodes: tuple[PublicKey, ...]
    weight: float


def _in_order(graph: Graph, start: PublicKey, end: PublicKey, wish: Wish) -> Iterator[Path]:
    toll = _Toll(graph, start, end, wish)
    heap = [_Partial(toll.least(0, start), 0, (), (start,), 0.0)]
    steps = 0
    while heap and steps < STEPS:
        path = heapq.heappop(heap)
        here = path.nodes[-1]
        if here == end:
            yield _path(path)
            continue
        for weight, transport, node in graph.near(here):
            more = toll.least(path.hops + 1, node)
            if more == math.inf or node in path.nodes:
                continue
            so_far = path.weight + weight
            longer = _Partial(
                so_far + more, path.hops + 1, (*path.ids, transport), (*path.nodes, node), so_far
            )
            heapq.heappush(heap, longer)
            steps += 1


def _path(whole: _Partial) -> Path:
    steps = zip(whole.ids, whole.nodes, whole.nodes[1:], strict=False)
    return tuple(Hop(*step) for step in steps)


class _Toll:
    """The least weight from a node to the end, once some hops are behind."""

    def __init__(self, graph: Graph, start: PublicKey, end: PublicKey, wish: Wish) -> None:
        walks = _walks(graph, start, end, wish.max_hops)
        self._after: list[dict[PublicKey, float]] = []
        for hops in range(wish.max_hops + 1):
            best: dict[PublicKey, float] = {}
            for more in range(max(wish.min_hops - hops, 0), wish.max_hops - hops + 1):
                for node, weight in walks[more].items():
                    if weight < best.get(node, math.inf):
                        best[node] = weight
            self._after.append(best)

    def least(self, hops: int, node: PublicKey) -> float:
        """Infinite where the end cannot be reached in the hops that are left."""
        return self._after[hops].get(node, math.inf) if hops < len(self._after) else math.inf


def _walks(graph: Graph, start: PublicKey, end: PublicKey, most: int) -> list[dict[PublicKey, float]]:
    """For each number of hops, the least weight of a walk from a node to `end`, which nothing leads past.

    Nor past `start`: no path comes back to it.
    """
    found: list[dict[PublicKey, float]] = [{end: 0.0}]
    for _ in range(most):
        further: dict[PublicKey, float] = {}
        for node, weight in found[-1].items():
            if node == start:
                continue
            for step, _transport, there in graph.near(node):
                if there != end and step + weight < further.get(there, math.inf):
                    further[there] = step + weight
        found.append(further)
    return found
