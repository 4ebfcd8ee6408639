"""Requests for routes and their answers."""

import msgspec
import pytest

from components.mesh.errors import WireError
from components.mesh.forms import OldRouteRequest, RouteOptions, RouteRequest
from components.mesh.keys import hex66
from components.mesh.paths import Edge, Graph
from components.node_manager.finder import search
from tests.support.manager import person

A, B, C, D = (person(number).public_key for number in range(1, 5))
GRAPH = Graph([Edge("ab", A, B, 1), Edge("bc", B, C, 1), Edge("ac", A, C, 1)])


def asked(**options: object) -> RouteRequest:
    return RouteRequest(edges=((hex66(A), hex66(C)),), opts=RouteOptions(**options))  # type: ignore[arg-type]


def ids(request: RouteRequest) -> list[list[str]]:
    return [[hop.tp_id for hop in route] for route in search.answer(GRAPH, request)[f"{hex66(A)}:{hex66(C)}"]]


def test_routes_are_told_as_the_reference_does() -> None:
    route = search.answer(GRAPH, asked(count=1))[f"{hex66(A)}:{hex66(C)}"][0]
    assert msgspec.to_builtins(route) == [{"TpID": "ac", "From": hex66(A), "To": hex66(C)}]


def test_options_are_kept() -> None:
    assert ids(asked()) == [["ac"], ["ab", "bc"]]
    assert ids(asked(min_hops=2)) == [["ab", "bc"]]
    assert ids(asked(max_hops=1)) == [["ac"]]
    assert ids(asked(max_hops=50)) == [["ac"], ["ab", "bc"]]
    assert ids(asked(hops=(hex66(B),))) == [["ab", "bc"]]
    assert ids(asked(disjoint=True)) == [["ac"], ["ab", "bc"]]


def test_the_old_form_tells_both_ways() -> None:
    old = search.answer_old(GRAPH, OldRouteRequest(src_pk=hex66(A), dst_pk=hex66(C), max_hops=1))
    assert [hop.tp_id for hop in old["forward"][0]] == ["ac"]
    assert old["response"][0][0].start == hex66(C)


@pytest.mark.parametrize(
    "request_, sentence",
    [
        (asked(min_hops=3), "no route from .* with 3 to 15 hops$"),
        (asked(hops=(hex66(D),)), "through the nodes that were named"),
        (RouteRequest(edges=((hex66(A), hex66(D)),)), f"{D.hex()} has no transport"),
    ],
)
def test_where_there_is_no_route_it_is_said_why(request_: RouteRequest, sentence: str) -> None:
    with pytest.raises(search.NoRoute, match=sentence):
        search.answer(GRAPH, request_)


@pytest.mark.parametrize("options", [{"min_hops": 20}, {"hops": ("x" * 66,)}])
def test_a_request_that_cannot_be_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(WireError):
        search.answer(GRAPH, asked(**options))
