"""Requests to one service: each ends within its deadline, and says what went wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from components.mesh import caller as module
from components.mesh import httpsign
from components.mesh.caller import Caller, Denied
from components.mesh.errors import CallerError, TimedOut, Unreachable, WireError
from signal_bus.identity import Identity

ME = Identity(bytes([1]) * 32)
Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def calling(handler: Handler, timeout_s: float = 20) -> AsyncIterator[Caller]:
    """A caller of a service that answers so."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        async with Caller(ME, f"http://{host}:{port}/", timeout_s) as caller:
            yield caller
    finally:
        await runner.cleanup()


class Numbered:
    """Expects numbers from 5 on, as a service does."""

    def __init__(self) -> None:
        self.expected = 5
        self.requests = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.read()
        signed = httpsign.check(request.headers, request.method, request.rel_url.raw_path_qs, body)
        if signed.nonce != self.expected:
            fault = {"message": "no", "code": 401, "kind": "nonce", "expected": self.expected}
            return web.json_response({"error": fault}, status=401)
        self.expected += 1
        return web.json_response({}, status=201)


async def test_a_wrong_number_costs_one_more_request_and_the_next_is_right() -> None:
    service = Numbered()
    async with calling(service.answer) as caller:
        for _ in range(3):
            assert await caller.signed("POST", "/a%20b?c=d", b"{}") == b"{}"
        assert service.requests == 4
        await asyncio.gather(*(caller.signed("DELETE", "/x") for _ in range(5)))
        assert service.requests == 9


async def test_a_service_that_never_takes_a_number_is_given_up() -> None:
    service = Numbered()

    async def fickle(request: web.Request) -> web.Response:
        service.expected += 7
        return await service.answer(request)

    async with calling(fickle) as caller:
        with pytest.raises(Denied) as caught:
            await caller.signed("POST", "/", b"{}")
        assert (caught.value.code, service.requests) == ("nonce", 2)


@pytest.mark.parametrize(
    "text, code, sentence",
    [
        ('{"error": {"message": "m", "code": 404, "kind": "k"}}', "k", "m"),
        ('{"error": "old"}', "http", "old"),
        ("{}", "http", "status 404"),
        ('{"error": {}}', "http", "status 404"),
        ("<html>", "http", "status 404"),
        ('{"error": {"expected": "x"}}', "http", "status 404"),
        ("[" * 9_000, "http", "status 404"),
    ],
)
async def test_a_refusal_is_read_whatever_its_form(text: str, code: str, sentence: str) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(text=text, status=404)

    async with calling(refuse) as caller:
        with pytest.raises(Denied) as caught:
            await caller.ask("GET", "/")
    assert (caught.value.status, caught.value.code, caught.value.text) == (404, code, sentence)


async def test_a_redirection_is_not_followed() -> None:
    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://elsewhere.example/"})

    async with calling(redirect) as caller:
        with pytest.raises(Denied):
            await caller.ask("GET", "/")


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 10)

    async def endless(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 11)

    async with calling(endless) as caller:
        with pytest.raises(WireError, match="more than 10 bytes"):
            await caller.ask("GET", "/")


async def test_no_answer_ends_at_the_deadline() -> None:
    never = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with calling(slow, 0.1) as caller:
        with pytest.raises(TimedOut, match="GET http"):
            await caller.ask("GET", "/")
        never.set()


async def test_a_service_that_is_away_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    async with Caller(ME, f"http://127.0.0.1:{port}") as caller:
        with pytest.raises(Unreachable, match=f"http://127.0.0.1:{port}: Connection refused"):
            await caller.ask("GET", "/")


async def test_a_request_whose_connection_broke_is_sent_once_more() -> None:
    requests = 0

    async def hang_up_on_odd_ones(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        if requests % 2:
            assert request.transport is not None
            request.transport.close()
        return web.Response(text="x")

    async with calling(hang_up_on_odd_ones) as caller:
        assert await caller.ask("POST", "/", b"{}") == b"x"
        assert requests == 2


async def test_a_service_that_hangs_up_again_is_unreachable() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with calling(hang_up) as caller:
        with pytest.raises(Unreachable):
            await caller.ask("POST", "/", b"{}")


def test_an_address_without_http_is_the_callers_error() -> None:
    with pytest.raises(CallerError, match="http://HOST:PORT is expected"):
        Caller(ME, "127.0.0.1:9091")
