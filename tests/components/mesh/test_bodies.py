"""Bodies: long ones, slow ones, too many at once, and those that are no JSON object."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from components.mesh import bodies
from components.mesh.bodies import Bodies
from components.mesh.listener import listening
from components.mesh.web import MAX_BODY_BYTES, Rules, application

LENGTH = "Content-Length: {}"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    reader, bound = Bodies(), 0

    async def echo(request: web.Request) -> web.Response:
        return web.json_response(await reader.json_object(request))

    app = application(lambda: Rules(port=bound))
    app.router.add_post("/echo", echo)
    async with listening(app, "127.0.0.1", 0) as found:
        bound = found
        yield bound


async def visit(stack: AsyncExitStack, port: int, head: str, body: bytes) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(lambda: writer.transport.abort())
    lines = ["POST /echo HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json", head]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    return reader


async def status_of(port: int, head: str, body: bytes) -> int:
    async with AsyncExitStack() as stack, asyncio.timeout(20):
        return int((await (await visit(stack, port, head, body)).readline()).split()[1])


@pytest.mark.parametrize(
    "body, status",
    [(b'{"a": 1}', 200), (b"[1]", 400), (b"{", 400), (b"\xff", 400), (b"[" * 50_000, 400), (b"", 400)],
)
async def test_a_body_is_a_json_object(port: int, body: bytes, status: int) -> None:
    assert await status_of(port, LENGTH.format(len(body)), body) == status


@pytest.mark.parametrize("length, status", [(100, 408), (9_999_999_999, 413)])
async def test_a_body_that_does_not_come_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch, length: int, status: int
) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.05)
    assert await status_of(port, LENGTH.format(length), b"{") == status


async def test_a_body_that_says_no_length_is_bounded_too(port: int) -> None:
    chunk = b"%x\r\n%b\r\n" % (MAX_BODY_BYTES + 1, b" " * (MAX_BODY_BYTES + 1))
    assert await status_of(port, "Transfer-Encoding: chunked", chunk) == 413


async def test_so_many_of_a_network_at_once_and_when_they_are_gone_others(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST", 2)
    async with AsyncExitStack() as stack, asyncio.timeout(20):
        for _ in range(2):
            await visit(stack, port, LENGTH.format(9), b"{")
        while await status_of(port, LENGTH.format(2), b"{}") != 503:
            await asyncio.sleep(0)  # they are on their way
    async with asyncio.timeout(20):
        while await status_of(port, LENGTH.format(2), b"{}") != 200:
            await asyncio.sleep(0)  # it notices that they are gone
