"""What a request for routes asks for, and its answers. Pure, so that a thread can do it."""

from __future__ import annotations

from typing import Final

from components.mesh import forms, keys, paths
from components.mesh.errors import BadKey, WireError
from components.mesh.forms import OldRouteRequest, RouteHop, RouteOptions, RouteRequest
from components.mesh.paths import Graph, Path
from signal_bus.ids import PublicKey

Routes = list[list[RouteHop]]
OLD_COUNT: Final = 3


class NoRoute(Exception):
    """No path is like that."""


def answer(graph: Graph, request: RouteRequest) -> dict[str, Routes]:
    """The paths of each pair, by `FROM:TO`. Raises `NoRoute` or `WireError`."""
    return {f"{one}:{other}": _routes(graph, one, other, request.opts) for one, other in request.edges}


def answer_old(graph: Graph, request: OldRouteRequest) -> dict[str, Routes]:
    """The paths there and back. Raises `NoRoute` or `WireError`."""
    options = RouteOptions(min_hops=request.min_hops, max_hops=request.max_hops, count=OLD_COUNT)
    return {
        "forward": _routes(graph, request.src_pk, request.dst_pk, options),
        "response": _routes(graph, request.dst_pk, request.src_pk, options),
    }


def _routes(graph: Graph, one: str, other: str, options: RouteOptions) -> Routes:
    start, end = _key(one), _key(other)
    wish = forms.wish(options)
    if options.disjoint:
        found = paths.pair(graph, start, end, wish)
    else:
        found = paths.shortest(graph, start, end, wish, count=options.count)
    if not found:
        raise NoRoute(_why(graph, start, end, options))
    return [_told(path) for path in found]


def _why(graph: Graph, start: PublicKey, end: PublicKey, options: RouteOptions) -> str:
    for key in (start, end):
        if key not in graph:
            return f"{key.hex()} has no transport that is up"
    through = "" if options.hops is None else " through the nodes that were named"
    hops = f"{options.min_hops} to {options.max_hops} hops"
    return f"no route from {start.hex()} to {end.hex()} with {hops}{through}"


def _told(path: Path) -> list[RouteHop]:
    return [RouteHop(hop.transport, keys.hex66(hop.start), keys.hex66(hop.end)) for hop in path]


def _key(text: str) -> PublicKey:
    try:
        return keys.parse(text)
    except BadKey as exc:
        raise WireError(str(exc)) from exc
