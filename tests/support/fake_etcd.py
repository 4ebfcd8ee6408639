"""A gateway that answers what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from viscript.statestore.access import Access
from viscript.statestore.etcd.address import Address
from viscript.statestore.etcd.store import EtcdStore

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = bytes | tuple[int, bytes] | Handler
PREFIX = "/t/"


class FakeMember:
    """Answers the requests of each path in turn; the last answer again and again."""

    def __init__(self, **answers: Answer | list[Answer]) -> None:
        self._answers = {name: list(one) if isinstance(one, list) else [one] for name, one in answers.items()}
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        self.address = ""

    def times(self, name: str) -> int:
        return sum(path == name for path, _, _ in self.asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["path"].rpartition("/")[2]
        self.asked.append((name, json.loads(await request.read()), request.headers.get("Authorization", "")))
        answers = self._answers[name]
        one = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(one, bytes):
            one = (200, one)
        if isinstance(one, tuple):
            return web.Response(status=one[0], body=one[1], content_type="application/json")
        return await one(request)


@asynccontextmanager
async def gateway(*members: FakeMember, access: Access = Access()) -> AsyncIterator[EtcdStore]:  # noqa: B008
    """A store whose members are these; one without any answer at all refuses connections."""
    async with AsyncExitStack() as stack:
        for member in members:
            member.address = await stack.enter_async_context(_listening(member))
        store = EtcdStore(Address(tuple(one.address for one in members), PREFIX), access)
        stack.push_async_callback(store.close)
        yield store


@asynccontextmanager
async def _listening(member: FakeMember) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v3/{path:.*}", member.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    if not member._answers:
        await site.stop()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def hang(request: web.Request) -> web.StreamResponse:
    """Say nothing until the client goes."""
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.02)
    return web.Response()


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection in place of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def stream(
    *chunks: bytes, then: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
) -> Answer:
    """Some chunks, and what follows them; without, the end."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            with suppress(ConnectionResetError):  # the client had enough
                await response.write(chunk)
        if then is not None:
            await then(request)
        return response

    return answer


def fault(text: str, code: int = 2, status: int = 500) -> tuple[int, bytes]:
    """A refusal as etcd words it."""
    return status, json.dumps({"error": text, "message": text, "code": code}).encode()


def items(*keys: str, revision: int = 7, more: bool = False) -> bytes:
    """The answer to a range."""
    from base64 import b64encode

    kvs = [
        {"key": b64encode((PREFIX + key).encode()).decode(), "create_revision": "3", "mod_revision": "4"}
        for key in keys
    ]
    return json.dumps({"header": {"revision": str(revision)}, "kvs": kvs, "more": more}).encode()
