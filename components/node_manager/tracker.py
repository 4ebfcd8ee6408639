"""apptracker: `python -P -m components.node_manager.tracker [HOST:PORT]`, the service registry.

    POST /services {"name", "type", "address", "ttl"}   201, the service
    GET /services?name=&type=                           200, a list of services
    DELETE /services/NAME[?type=]                       204, or 404

Over the bus the methods `offer`, `find` and `withdraw` do the same; what apps offer to the bus itself is
found too. A service is gone when it is withdrawn, when its time is over, or when the app that offered it
ends. Exit codes: 0 stopped, 1 the address cannot be had, 2 it is none.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import msgspec
from aiohttp import web

from components.mesh import listener
from components.mesh.bodies import Bodies
from components.mesh.web import Refusal, Rules, application
from components.node_manager.registry import BadOfferError, FullError, Registry, Service
from signal_bus.client import SignalClient
from signal_bus.errors import BusError, NotSupervised, RemoteError
from signal_bus.messages import Exited

DEFAULT_ADDRESS: Final = "127.0.0.1:20000"
KEYS: Final = frozenset({"name", "type", "address", "ttl"})


class ListenError(Exception):
    """The address cannot be had."""

    def __init__(self, host: str, port: int, cause: OSError) -> None:
        reason = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else str(cause)
        super().__init__(f"cannot listen at {host}:{port}: {reason}")


class Tracker:
    """The registry, as HTTP and the bus reach it."""

    def __init__(self, bus: SignalClient | None = None) -> None:
        self._registry = Registry()
        self._bodies = Bodies()
        self.bus = bus

    # -- over the bus

    async def offer(
        self, name: str, type: str, address: str, ttl: float | None = None, seq: int | None = None
    ) -> dict[str, Any]:  # Any: a Service as plain data
        """Offer a service for `ttl` seconds, or until the app `seq` ends."""
        try:
            return _plain(self._registry.offer(name, type, address, ttl_s=ttl, seq=seq, now=time.monotonic()))
        except (BadOfferError, FullError) as exc:
            raise RemoteError("bad-offer" if isinstance(exc, BadOfferError) else "full", str(exc)) from exc

    async def find(self, name: str = "", type: str = "") -> list[dict[str, Any]]:  # Any: as above
        """The services of that name and type; an empty word matches all."""
        own = [_plain(service) for service in self._registry.find(name, type, now=time.monotonic())]
        return own + await self._offered_to_the_bus(name, type)

    async def withdraw(self, name: str, type: str = "") -> int:
        """Take a service back; how many there were."""
        return self._registry.withdraw(name, type)

    def ended(self, note: Exited) -> None:
        """An app of this home ended."""
        self._registry.ended(note.seq)

    async def _offered_to_the_bus(self, name: str, type: str) -> list[dict[str, Any]]:  # Any: as above
        if self.bus is None:
            return []
        try:
            services = await self.bus.find(name, kind=type)
        except BusError:
            return []  # the daemon is away for a moment; what we keep ourselves is still true
        return [
            _plain(
                Service(
                    name=one.name,
                    type=one.type,
                    address=one.address,
                    expires_seconds=one.expires_s or None,
                    id=one.seq,
                )
            )
            for one in services
        ]

    # -- over HTTP

    async def post(self, request: web.Request) -> web.Response:
        """Enter a service, or refresh it."""
        data = await self._bodies.json_object(request)
        unknown = sorted(data.keys() - KEYS)
        if unknown:
            raise Refusal(400, "offer", f"unknown key {unknown[0]!r}; known are {', '.join(sorted(KEYS))}")
        ttl = data.get("ttl")
        if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, int | float) or math.isnan(ttl)):
            raise Refusal(400, "offer", "ttl must be a number of seconds")
        words = [data.get(key) for key in ("name", "type", "address")]
        if not all(isinstance(word, str) for word in words):
            raise Refusal(400, "offer", "name, type and address must be text")
        name, type, address = map(str, words)
        try:
            return web.json_response(await self.offer(name, type, address, ttl), status=201)
        except RemoteError as exc:
            raise Refusal(503 if exc.code == "full" else 400, "offer", exc.text) from exc

    async def get(self, request: web.Request) -> web.Response:
        """The services that match."""
        query = _query(request, {"name", "type"})
        return web.json_response(await self.find(query.get("name", ""), query.get("type", "")))

    async def delete(self, request: web.Request) -> web.Response:
        """Take a service back."""
        query = _query(request, {"type"})
        name = request.match_info["name"]
        if not self._registry.withdraw(name, query.get("type", "")):
            raise Refusal(404, "service", f"there is no service {name!r}")
        return web.Response(status=204)


def _plain(service: Service) -> dict[str, Any]:  # Any: numbers and text
    return {key: value for key, value in msgspec.to_builtins(service).items() if value is not None}


def _query(request: web.Request, known: set[str]) -> dict[str, str]:
    """The query, each word once and known. Raises `Refusal`."""
    words = list(request.query.items())
    query = dict(words)
    unknown = sorted(query.keys() - known)
    if unknown or len(query) != len(words):
        raise Refusal(
            400, "query", f"only {', '.join(sorted(known))}, each once" if known else "no query here"
        )
    return query


def parse_address(text: str) -> tuple[str, int]:
    """Host and port. Raises `ValueError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{text!r} is no address: host:port, ex {DEFAULT_ADDRESS}")
    return host.strip("[]"), int(port)


@asynccontextmanager
async def listening(tracker: Tracker, host: str, port: int) -> AsyncIterator[str]:
    """Answer HTTP inside the block; the address it is bound to. Raises `ListenError`."""
    bound = port

    def rules() -> Rules:
        return Rules(port=bound, names=frozenset({"localhost", host.lower()}))

    app = application(rules)
    app.router.add_post("/services", tracker.post)
    app.router.add_get("/services", tracker.get)
    app.router.add_delete("/services/{name}", tracker.delete)
    async with AsyncExitStack() as stack:
        try:
            bound = await stack.enter_async_context(listener.listening(app, host, port))
        except OSError as exc:
            raise ListenError(host, port, exc) from exc
        shown = f"[{host}]" if ":" in host else host
        yield f"{shown}:{bound}"


async def serve(host: str, port: int) -> None:
    """Track until told to stop, by the bus or by a signal. Raises `ListenError`."""
    tracker = Tracker()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with listening(tracker, host, port) as address:
        print(f"apptracker: listening at {address}", flush=True)
        try:
            client = SignalClient.from_env(name="apptracker", wants=("exited",))
        except NotSupervised:
            await stop.wait()
            return
        async with client as bus:
            await _track(tracker, bus, address, stop)


async def _track(tracker: Tracker, bus: SignalClient, address: str, stop: asyncio.Event) -> None:
    tracker.bus = bus
    bus.on_exited(tracker.ended)
    bus.on_shutdown(stop.set)
    for method in (tracker.offer, tracker.find, tracker.withdraw):
        bus.method(method)
    await bus.ready({"http": address})
    await stop.wait()


def main(words: Sequence[str]) -> int:
    """Run the tracker; the answer is the exit code."""
    try:
        host, port = parse_address(words[0] if words else DEFAULT_ADDRESS)
        if len(words) > 1:
            raise ValueError("usage: apptracker [HOST:PORT]")
    except ValueError as exc:
        print(f"apptracker: {exc}", file=sys.stderr)
        return 2
    try:
        asyncio.run(serve(host, port))
    except (ListenError, BusError) as exc:
        print(f"apptracker: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
