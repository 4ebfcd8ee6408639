"""Paths: compared with all that there are, in small graphs; and in large ones within a bound of work."""

import math
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.mesh import paths
from components.mesh.errors import CallerError
from components.mesh.paths import Edge, Graph, Hop, Path, Wish, pair, shortest
from signal_bus.ids import PublicKey


def node(number: int) -> PublicKey:
    return PublicKey(bytes([number]) * 32)


A, B, C, D, E, F = (node(number) for number in range(6))


def line(*nodes: PublicKey, weight: float = 1.0) -> list[Edge]:
    """A row of transports, named by their ends."""
    return [Edge(f"{one[0]}-{other[0]}", one, other, weight) for one, other in pairwise(nodes)]


def names(found: list[Path]) -> list[str]:
    return ["".join("ABCDEF"[each[0]] for each in (path[0].start, *(h.end for h in path))) for path in found]


def every_path(
    edges: list[Edge], here: PublicKey, end: PublicKey, seen: tuple[PublicKey, ...]
) -> Iterator[Path]:
    """The oracle: all simple paths, found by trying everything."""
    if here == end:
        yield ()
        return
    for edge in edges:
        for start, there in ((edge.one, edge.other), (edge.other, edge.one)):
            if start == here and there not in (*seen, here):
                for rest in every_path(edges, there, end, (*seen, here)):
                    yield (Hop(edge.id, here, there), *rest)


@st.composite
def graphs(draw: st.DrawFn) -> list[Edge]:
    ends = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda both: both[0] != both[1])
    found = draw(st.lists(st.tuples(ends, st.integers(1, 4)), max_size=10))
    return [Edge(f"t{at}", node(one), node(other), weight) for at, ((one, other), weight) in enumerate(found)]


def weight(edges: list[Edge], path: Path) -> float:
    known = {edge.id: edge.weight for edge in edges}
    return sum(known[hop.transport] for hop in path)


@given(edges=graphs(), least=st.integers(0, 5), more=st.integers(0, 5), count=st.integers(1, 6))
@settings(max_examples=150)
def test_the_shortest_are_those_that_trying_everything_finds(
    edges: list[Edge], least: int, more: int, count: int
) -> None:
    wish = Wish(min_hops=least, max_hops=least + more)
    all_paths = [path for path in every_path(edges, A, B, ()) if least <= len(path) <= least + more]
    found = shortest(Graph(edges), A, B, wish, count=count)
    assert set(found) <= set(all_paths)
    assert len(set(found)) == len(found) == min(count, len(all_paths))
    assert [weight(edges, path) for path in found] == sorted(weight(edges, path) for path in all_paths)[
        :count
    ]


@given(edges=graphs())
@settings(max_examples=150)
def test_a_pair_shares_nothing_wherever_two_paths_can(edges: list[Edge]) -> None:
    all_paths = list(every_path(edges, A, B, ()))
    found = pair(Graph(edges), A, B)
    assert len(found) == min(2, len(all_paths))

    def apart(one: Path, other: Path) -> bool:
        ids = {hop.transport for hop in one} & {hop.transport for hop in other}
        return not ids and not {hop.end for hop in one[:-1]} & {hop.end for hop in other[:-1]}

    if len(all_paths) <= paths.FIRSTS and any(apart(x, y) for x in all_paths for y in all_paths):
        assert apart(*found)


def test_fewer_hops_come_first_among_equal_paths() -> None:
    edges = [*line(A, B, C, weight=1.0), Edge("direct", A, C, 2.0)]
    assert names(shortest(Graph(edges), A, C, count=2)) == ["AC", "ABC"]


def test_two_transports_of_a_pair_are_two_paths() -> None:
    edges = [Edge("slow", A, B, 2.0), Edge("fast", A, B, 1.0)]
    assert [path[0].transport for path in shortest(Graph(edges), A, B, count=5)] == ["fast", "slow"]


def test_named_nodes_are_exactly_those_in_between() -> None:
    edges = [*line(A, B, C, D), *line(A, D), *line(A, C)]
    graph = Graph(edges)
    assert names(shortest(graph, A, D, Wish(via=(B, C)), count=9)) == ["ABCD"]
    assert names(shortest(graph, A, D, Wish(via=()), count=9)) == ["AD"]
    assert shortest(graph, A, D, Wish(via=(C, B))) == []
    assert shortest(graph, A, D, Wish(via=(A, B))) == []
    assert shortest(graph, A, D, Wish(via=(B, C), min_hops=4)) == []


def test_the_least_number_of_hops_is_kept_or_there_is_no_path() -> None:
    graph = Graph([*line(A, B), *line(A, C, D, B)])
    assert names(shortest(graph, A, B, Wish(min_hops=2), count=9)) == ["ACDB"]
    assert shortest(graph, A, B, Wish(min_hops=4)) == []


def test_a_first_path_that_leaves_no_second_is_given_up_for_two_that_are_apart() -> None:
    trap = [*line(A, B, C, D, weight=1.0), *line(A, E, C, weight=2.0), *line(B, F, D, weight=2.0)]
    assert names(shortest(Graph(trap), A, D)) == ["ABCD"]
    assert sorted(names(pair(Graph(trap), A, D))) == ["ABFD", "AECD"]


def test_a_second_path_shares_as_little_as_it_can() -> None:
    edges = [*line(A, B), Edge("b1", B, C, 1.0), Edge("b2", B, C, 1.0), Edge("a2", A, B, 2.0)]
    first, second = pair(Graph(edges), A, C)
    assert not {hop.transport for hop in first} & {hop.transport for hop in second}
    bridge = [*line(A, B), Edge("b1", B, C, 1.0), Edge("b2", B, C, 1.0)]
    assert len(pair(Graph(bridge), A, C)) == 2
    assert len(pair(Graph(line(A, B)), A, B)) == 1


@pytest.mark.parametrize("start, end", [(A, A), (A, F), (F, A)])
def test_where_there_is_no_path_there_is_none(start: PublicKey, end: PublicKey) -> None:
    assert shortest(Graph(line(A, B)), start, end) == []


@pytest.mark.parametrize("least, most", [(3, 2), (-1, 2), (0, 16)])
def test_a_wish_that_cannot_be_is_the_callers_error(least: int, most: int) -> None:
    with pytest.raises(CallerError, match="hops must be"):
        Wish(min_hops=least, max_hops=most)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf])
def test_a_transport_without_a_weight_is_left_out(bad: float) -> None:
    assert A not in Graph([Edge("x", A, B, bad), Edge("y", A, A, 1.0)])


def test_a_large_mesh_is_searched_within_a_bound_of_work() -> None:
    draw = random.Random(7)
    keys = [PublicKey(draw.randbytes(32)) for _ in range(2_000)]
    ends = [draw.sample(keys, 2) for _ in range(10_000)]
    edges = [Edge(str(at), one, other, draw.uniform(1, 9)) for at, (one, other) in enumerate(ends)]
    found = shortest(Graph(edges), keys[0], keys[1], Wish(min_hops=9), count=8)
    assert len(found) == 8
    assert all(9 <= len(path) <= 15 for path in found)


def test_a_hopeless_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full mesh behind the one node that leads to the end: no path has more than two hops."""
    monkeypatch.setattr(paths, "STEPS", 500)
    crowd = [node(number) for number in range(3, 22)]
    edges = [Edge(f"{x[0]}-{y[0]}", x, y, 1.0) for x in [C, *crowd] for y in [C, *crowd] if x < y]
    assert shortest(Graph([*edges, *line(A, C, B)]), A, B, Wish(min_hops=9)) == []
    assert len(shortest(Graph([*edges, *line(A, C, B)]), A, B)) == 1
