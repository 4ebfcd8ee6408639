"""One HTTP listener: so many connections at once, and none that costs much by being slow.

Whoever opens a connection holds memory and a descriptor of ours. What bounds that:

    connections   at most `MOST` (and those of one turn, `BACKLOG`); when one more comes, the one that has
                  waited longest for a request is closed
    a request     its head must be there within `IDLE_S`, also that of the next one on the same connection
    its size      `HEADERS` of at most `FIELD_BYTES`; for bodies, see web.py
    an answer     taken within `ANSWER_S`, else the connection is cut; at most `UNTAKEN_BYTES` of all wait

So a crowd that says nothing, or says it byte by byte, keeps nobody else from being answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from components.mesh.web import Refusal, error

MOST: Final = 128
BACKLOG: Final = 64
IDLE_S: Final = 10.0
ANSWER_S: Final = 30.0
SWEEP_S: Final = 1.0
LINGER_S: Final = 1.0  # for the rest of a body that nobody wants
SHUTDOWN_S: Final = 1.0
HEADERS: Final = 32
FIELD_BYTES: Final = 8190
UNTAKEN_BYTES: Final = 32 * 1024 * 1024
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
)


class Crowd:
    """Makes room for those who come, and remembers who is being answered."""

    def __init__(self, server: web.Server, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._busy: set[web.RequestHandler] = set()
        self._answered: dict[web.RequestHandler, float] = {}  # when, for those that may not have taken it yet

    def __call__(self) -> asyncio.Protocol:
        """The protocol of one more connection, after room was made for it."""
        present = [each for each in self._server.connections if each.transport is not None]
        too_many = len(present) - MOST + 1
        waiting = [each for each in present if each not in self._busy][: max(too_many, 0)]
        for each in waiting:
            each.force_close()
        return _TurnAway() if len(waiting) < too_many else self._server()

    async def attend(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request; until then, its connection is not one that waits."""
        protocol = request.protocol
        self._busy.add(protocol)
        try:
            response = await handler(request)
        finally:
            self._busy.discard(protocol)
        self._answered[protocol] = self._clock()
        if self._untaken() > UNTAKEN_BYTES:
            return error(Refusal(503, "busy", "too many answers wait to be taken; try again later"))
        return response

    def _untaken(self) -> int:
        """The bytes of all answers that their askers have not read."""
        return sum(_unsent(protocol) for protocol in self._answered)

    def sweep(self) -> None:
        """Forget the answers that were taken; cut the connections that did not take theirs in time."""
        due = self._clock() - ANSWER_S
        for protocol, at in tuple(self._answered.items()):
            if not _unsent(protocol):
                del self._answered[protocol]
            elif at <= due and protocol.transport is not None:
                protocol.transport.abort()

    def start(self) -> None:
        """Sweep now and then, until `stop`."""
        self.sweep()
        self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self.start)

    def stop(self) -> None:
        """Sweep no more."""
        if self._timer is not None:
            self._timer.cancel()


def _unsent(protocol: web.RequestHandler) -> int:
    """The bytes of its answer that it has not taken."""
    return 0 if protocol.transport is None else protocol.transport.get_write_buffer_size()


class _TurnAway(asyncio.Protocol):
    """Says that there is no room, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it at once: nobody's request is waited for."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(_FULL)
        transport.close()


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Answer with `app` inside the block; the port it is bound to. Raises `OSError`."""
    crowds: list[Crowd] = []

    @web.middleware
    async def attend(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await crowds[0].attend(request, handler)

    app.middlewares.insert(0, attend)
    runner = _runner(app)
    await runner.setup()
    try:
        assert runner.server is not None  # made by `setup`
        loop = asyncio.get_running_loop()
        crowds.append(Crowd(runner.server, loop.time))
        server = await loop.create_server(crowds[0], host, port, backlog=BACKLOG)
        crowds[0].start()
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            crowds[0].stop()
            server.close()
    finally:
        await runner.cleanup()


def _runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=IDLE_S,
        lingering_time=LINGER_S,
        max_headers=HEADERS,
        max_line_size=FIELD_BYTES,
        max_field_size=FIELD_BYTES,
    )
