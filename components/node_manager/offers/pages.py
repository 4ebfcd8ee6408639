"""The service registry and the uptimes over HTTP.

POST   /api/services                             signed by the node that offers; 201
GET    /api/services[?type=][&after=][&count=]   a list
DELETE /api/services/KEY:PORT[?type=]            signed by the node
GET    /uptimes[?pks=KEY,KEY][&after=][&count=]  how much of the time nodes were there
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from components.mesh.forms import Offer
from components.mesh.keys import hex66
from components.node_manager import gate, limits
from components.node_manager.offers import offers, uptime
from components.node_manager.part import Part


def add(app: web.Application, part: Part) -> None:
    """Add the routes of this part."""
    pages = _Offers(part)
    app.router.add_post("/api/services", pages.enter)
    app.router.add_get("/api/services", pages.find)
    app.router.add_delete("/api/services/{address}", pages.remove)
    app.router.add_get("/uptimes", pages.uptimes)


class _Offers:
    """The pages."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._desk = part.desk

    async def enter(self, request: web.Request) -> web.Response:
        signed, offer = await self._part.signed(request, Offer)
        told = await self._part.change(signed, partial(offers.enter, who=signed.key, offer=offer))
        return gate.answer(told, status=201)

    async def find(self, request: web.Request) -> web.Response:
        query = gate.words(request, "type", "after", "count")
        count = gate.number(query, "count", limits.PAGE, limits.PAGE)
        type, after = query.get("type", ""), query.get("after", "")
        return gate.answer(offers.find(self._desk.ledger, self._desk.clock(), type, after, count))

    async def remove(self, request: web.Request) -> web.Response:
        type = gate.words(request, "type").get("type", "")
        signed, _ = await self._part.gate.signed(request)
        rule = partial(offers.remove, who=signed.key, address=request.match_info["address"], type=type)
        return gate.answer({"withdrawn": await self._part.change(signed, rule)})

    async def uptimes(self, request: web.Request) -> web.Response:
        query = gate.words(request, "pks", "after", "count")
        now, ledger = self._desk.clock(), self._desk.ledger
        if "pks" in query:
            names = [hex66(gate.key(text)) for text in query["pks"].split(",")]
            return gate.answer(uptime.some(ledger, now, names))
        count = gate.number(query, "count", limits.PAGE, limits.PAGE)
        return gate.answer(uptime.page(ledger, now, query.get("after", ""), count))
