"""The route finder over HTTP.

    POST /routes   {"Edges": [[FROM, TO], ...], "Opts": {"MinHops", "MaxHops", "Hops", "Count", "Weight",
                   "Disjoint"}}: an object of lists of routes by FROM:TO
    GET /routes    ?src=KEY&dst=KEY[&min_hops=][&max_hops=], or a body {"src_pk", "dst_pk", "min_hops",
                   "max_hops"}: {"forward", "response"}

Searches run in one thread, so that a hard one keeps nobody else waiting but searchers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from aiohttp import web

from components.mesh import forms
from components.mesh.errors import WireError
from components.mesh.forms import OldRouteRequest, RouteRequest, Weight
from components.mesh.paths import MAX_HOPS, Graph
from components.mesh.web import Refusal
from components.node_manager import gate, limits
from components.node_manager.discovery import transports
from components.node_manager.finder import search
from components.node_manager.ledger import Ledger
from components.node_manager.part import Part

STALE_S: Final = 5.0  # how old the figures of a graph may be; which transports are up is never stale
Search = Callable[[Graph], dict[str, search.Routes]]


def add(app: web.Application, part: Part) -> None:
    """Add the routes of this part."""
    pages = _Routes(part)
    app.router.add_post("/routes", pages.post)
    app.router.add_get("/routes", pages.get)
    app.on_cleanup.append(pages.close)


class _Made(NamedTuple):
    """A graph, and of what it was made."""

    structure: int
    changes: int
    at: float
    graph: Graph

    def holds(self, ledger: Ledger, now: float) -> bool:
        """Whether it is as good as a new one."""
        if self.changes == ledger.changes:
            return now - self.at < limits.SWEEP_S  # what expired is swept, and counts as a change, by then
        return self.structure == ledger.structure and now - self.at < STALE_S


class _Graphs:
    """The graph for each weight, made again when it must be."""

    def __init__(self, part: Part) -> None:
        self._desk = part.desk
        self._made: dict[Weight, _Made] = {}

    def maker(self, weight: Weight) -> Callable[[], Graph]:
        """What gives the graph, when called in the thread of searches."""
        ledger, now = self._desk.ledger, self._desk.clock()
        made = self._made.get(weight)
        if made is not None and made.holds(ledger, now):
            graph = made.graph
            return lambda: graph
        state, live = (ledger.structure, ledger.changes, now), transports.live(ledger, now)

        def make() -> Graph:
            graph = Graph(forms.edges(live, weight))
            self._made[weight] = _Made(*state, graph)
            return graph

        return make


class _Routes:
    """The pages."""

    def __init__(self, part: Part) -> None:
        self._gate = part.gate
        self._graphs = _Graphs(part)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="routes")
        self._waiting = 0

    async def post(self, request: web.Request) -> web.Response:
        body = await self._gate.read(request)
        asked = gate.told(lambda: forms.decode(body, RouteRequest))
        self._gate.charge(request, limits.SEARCH_COST * len(asked.edges))
        return await self._answer(asked.opts.weight, lambda graph: search.answer(graph, asked))

    async def get(self, request: web.Request) -> web.Response:
        body = await self._gate.read(request)
        asked = gate.told(lambda: forms.decode(body, OldRouteRequest)) if body else _in_words(request)
        self._gate.charge(request, 2 * limits.SEARCH_COST)
        return await self._answer(Weight.HOPS, lambda graph: search.answer_old(graph, asked))

    async def close(self, app: web.Application) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, weight: Weight, work: Search) -> web.Response:
        if self._waiting >= limits.MOST_SEARCHES:
            raise Refusal(503, "busy", "too many searches are under way; try again later")
        make = self._graphs.maker(weight)
        self._waiting += 1
        try:
            async with asyncio.timeout(limits.WAIT_S):
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._thread, lambda: work(make()))
        except TimeoutError as exc:
            raise Refusal(503, "busy", "the search takes too long; try again later") from exc
        except search.NoRoute as exc:
            raise Refusal(404, "route", str(exc)) from exc
        except WireError as exc:
            raise Refusal(400, "form", str(exc)) from exc
        finally:
            self._waiting -= 1
        return gate.answer(found)


def _in_words(request: web.Request) -> OldRouteRequest:
    query = gate.words(request, "src", "dst", "min_hops", "max_hops")
    if not {"src", "dst"} <= query.keys():
        raise Refusal(400, "query", "src and dst are needed: a key each")
    return OldRouteRequest(
        src_pk=query["src"],
        dst_pk=query["dst"],
        min_hops=gate.number(query, "min_hops", 0, 255),
        max_hops=gate.number(query, "max_hops", MAX_HOPS, 255),
    )
