"""Transport discovery and node entries over HTTP.

GET    /security/nonces/KEY           the number that is due from a key
POST   /transports/                   signed by an edge; 201
GET    /transports[?after=ID&count=]  all of them, paged
GET    /transports/id:ID              one
GET    /transports/edge:KEY           those of a node
DELETE /transports/id:ID              signed by an edge
POST   /statuses                      signed by an edge
GET    PREFIX/entry/KEY               PREFIX is /messaging-discovery or /dmsg-discovery
POST   PREFIX/entry/                  the entry is signed, the request is not
DELETE PREFIX/entry/KEY               signed by the node
GET    PREFIX/available_servers, PREFIX/all_servers, PREFIX/entries[?after=KEY&count=]
"""

from __future__ import annotations

from functools import partial
from typing import Final

from aiohttp import web

from components.mesh import entry as node_entry
from components.mesh import transport
from components.mesh.forms import Status
from components.mesh.keys import hex66
from components.mesh.transport import SignedEntry
from components.node_manager import gate, limits, nonces
from components.node_manager.discovery import nodes, transports
from components.node_manager.part import Part

PREFIXES: Final = ("/messaging-discovery", "/dmsg-discovery")


def add(app: web.Application, part: Part) -> None:
    """Add the routes of this part."""
    pages = _Transports(part)
    app.router.add_get("/security/nonces/{key}", pages.nonce)
    app.router.add_post("/transports/", pages.register)
    app.router.add_get("/transports", pages.all)
    app.router.add_get("/transports/id:{id}", pages.one)
    app.router.add_get("/transports/edge:{key}", pages.of_edge)
    app.router.add_delete("/transports/id:{id}", pages.remove)
    app.router.add_post("/statuses", pages.statuses)
    entries = _Nodes(part)
    for prefix in PREFIXES:
        app.router.add_get(f"{prefix}/entry/{{key}}", entries.one)
        app.router.add_post(f"{prefix}/entry/", entries.enter)
        app.router.add_delete(f"{prefix}/entry/{{key}}", entries.remove)
        app.router.add_get(f"{prefix}/available_servers", entries.available)
        app.router.add_get(f"{prefix}/all_servers", entries.servers)
        app.router.add_get(f"{prefix}/entries", entries.all)


class _Transports:
    """The pages of the transport discovery."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._desk = part.desk

    async def nonce(self, request: web.Request) -> web.Response:
        name = hex66(gate.key(request.match_info["key"]))
        return gate.answer({"edge": name, "next_nonce": nonces.expected(self._desk.ledger, name)})

    async def register(self, request: web.Request) -> web.Response:
        signed, offered = await self._part.signed_list(request, SignedEntry)
        checks = [partial(transport.check, each) for each in offered]
        await self._part.gate.check_all(request, checks)
        rule = partial(transports.register, who=signed.key, offered=offered)
        return gate.answer(await self._part.change(signed, rule), status=201)

    async def statuses(self, request: web.Request) -> web.Response:
        signed, said = await self._part.signed_list(request, Status)
        rule = partial(transports.status, who=signed.key, said=said)
        return gate.answer(await self._part.change(signed, rule))

    async def remove(self, request: web.Request) -> web.Response:
        signed, _ = await self._part.gate.signed(request)
        rule = partial(transports.remove, who=signed.key, t_id=request.match_info["id"])
        await self._part.change(signed, rule)
        return gate.answer({})

    async def one(self, request: web.Request) -> web.Response:
        now = self._desk.clock()
        row = transports.find(self._desk.ledger, now, request.match_info["id"])
        return gate.answer(transports.tell(row, now))

    async def of_edge(self, request: web.Request) -> web.Response:
        key = gate.key(request.match_info["key"])
        return gate.answer(transports.of_edge(self._desk.ledger, self._desk.clock(), key))

    async def all(self, request: web.Request) -> web.Response:
        query = gate.words(request, "after", "count")
        count = gate.number(query, "count", limits.PAGE, limits.PAGE)
        page = transports.page(self._desk.ledger, self._desk.clock(), query.get("after", ""), count)
        return gate.answer(page)


class _Nodes:
    """The pages of the node entries."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._desk = part.desk

    async def enter(self, request: web.Request) -> web.Response:
        body = await self._part.gate.read(request)
        entry = gate.told(lambda: node_entry.decode(body))
        await self._part.gate.check_all(request, [partial(node_entry.check, entry)])
        self._part.gate.admit(gate.key(entry.static))
        said = await self._desk.change(partial(nodes.enter, entry=entry))
        return gate.answer({"code": 200, "message": said})

    async def remove(self, request: web.Request) -> web.Response:
        signed, _ = await self._part.gate.signed(request)
        rule = partial(nodes.remove, who=signed.key, key=gate.key(request.match_info["key"]))
        await self._part.change(signed, rule)
        return gate.answer({"code": 200, "message": "deleted entry"})

    async def one(self, request: web.Request) -> web.Response:
        key = gate.key(request.match_info["key"])
        return gate.answer(nodes.find(self._desk.ledger, self._desk.clock(), key))

    async def available(self, request: web.Request) -> web.Response:
        return self._servers(available=True)

    async def servers(self, request: web.Request) -> web.Response:
        return self._servers(available=False)

    def _servers(self, *, available: bool) -> web.Response:
        found = nodes.servers(self._desk.ledger, self._desk.clock(), available=available, count=limits.PAGE)
        return gate.answer(found)

    async def all(self, request: web.Request) -> web.Response:
        query = gate.words(request, "after", "count")
        count = gate.number(query, "count", limits.PAGE, limits.PAGE)
        return gate.answer(nodes.page(self._desk.ledger, self._desk.clock(), query.get("after", ""), count))
