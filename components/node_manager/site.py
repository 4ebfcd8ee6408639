"""The node manager as it listens: the parts that were asked for, behind one gate, at one desk."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from components.mesh import listener
from components.mesh.web import Rules, application
from components.node_manager import gate
from components.node_manager.desk import Desk
from components.node_manager.discovery import pages as discovery
from components.node_manager.finder import pages as finder
from components.node_manager.gate import Gate
from components.node_manager.offers import pages as offers
from components.node_manager.part import Part
from signal_bus.ids import PublicKey

PARTS: Final[dict[str, Callable[[web.Application, Part], None]]] = {
    "discovery": discovery.add,
    "finder": finder.add,
    "services": offers.add,
}


class ListenError(Exception):
    """The address cannot be had."""

    def __init__(self, host: str, port: int, cause: OSError) -> None:
        reason = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else str(cause)
        super().__init__(f"cannot listen at {host}:{port}: {reason}")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to listen, by which names, and who may register."""

    host: str
    port: int
    names: frozenset[str] = frozenset()
    allowed: frozenset[PublicKey] | None = None


@asynccontextmanager
async def listening(desk: Desk, place: Place, only: Collection[str] = tuple(PARTS)) -> AsyncIterator[str]:
    """Answer HTTP inside the block; the address it is bound to. Raises `ListenError`."""
    bound = place.port

    def rules() -> Rules:
        return Rules(port=bound, names=place.names | {"localhost", place.host.lower()})

    entrance = Gate(desk.clock, place.allowed)
    app = application(rules, gate.refusal)
    app.middlewares.append(entrance.middleware())
    app.router.add_get("/health", _health(desk, only))
    for name in only:
        PARTS[name](app, Part(desk, entrance))
    async with AsyncExitStack() as stack:
        try:
            bound = await stack.enter_async_context(listener.listening(app, place.host, place.port))
        except OSError as exc:
            raise ListenError(place.host, place.port, exc) from exc
        shown = f"[{place.host}]" if ":" in place.host else place.host
        yield f"{shown}:{bound}"


def summary(desk: Desk, only: Collection[str]) -> dict[str, object]:
    """What this process is, and how much it knows."""
    ledger = desk.ledger
    return {
        "service": "node-manager",
        "parts": sorted(only),
        "transports": len(ledger.transports),
        "nodes": len(ledger.nodes),
        "services": len(ledger.offers),
    }


def _health(desk: Desk, only: Collection[str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def health(request: web.Request) -> web.Response:
        return gate.answer(summary(desk, only))

    return health
