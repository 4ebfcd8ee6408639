"""A listener that is attacked goes on answering, and costs no more than it may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from components.mesh import listener
from components.mesh.listener import BACKLOG, MOST, listening
from components.mesh.web import Rules, application

BIG = 8 * 1024 * 1024
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Site:
    """An application with a short answer, a long one, and one that waits for `go`."""

    def __init__(self) -> None:
        self.port = 0
        self.go = asyncio.Event()
        self.waiting = 0

    async def short(self, request: web.Request) -> web.Response:
        return web.json_response([])

    async def long(self, request: web.Request) -> web.Response:
        return web.Response(body=b"x" * BIG)

    async def slow(self, request: web.Request) -> web.Response:
        self.waiting += 1
        await self.go.wait()
        return web.json_response([])

    def application(self) -> web.Application:
        app = application(lambda: Rules(port=self.port))
        for name in ("short", "long", "slow"):
            app.router.add_get(f"/{name}", getattr(self, name))
        return app

    def head(self, path: str = "/short", *more: str) -> bytes:
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *more, "", ""]
        return "\r\n".join(lines).encode()

    @asynccontextmanager
    async def visit(self, data: bytes = b"", limit: int = 2**16) -> AsyncIterator[Stream]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=limit)
        try:
            writer.write(data)
            yield reader, writer
        finally:
            writer.transport.abort()

    async def status(self, data: bytes) -> int:
        async with self.visit(data) as (reader, _), asyncio.timeout(5):
            return int((await reader.readline()).split()[1])


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with listening(site.application(), "127.0.0.1", 0) as site.port:
        yield site


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other side hangs up, within a bound."""
    async with asyncio.timeout(5):
        try:
            return await reader.read(1) == b""
        except ConnectionError:
            return True


async def test_a_connection_serves_several_requests(site: Site) -> None:
    async with site.visit() as (reader, writer), asyncio.timeout(5):
        for _ in range(3):
            writer.write(site.head())
            assert b" 200 " in await reader.readline()
            assert await reader.readuntil(b"[]")


@pytest.mark.parametrize("sent", [b"", b"GET /sh", b"GET /short HTTP/1.1\r\nHost: x\r\n"])
async def test_who_does_not_come_to_the_point_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(listener, "IDLE_S", 0.1)
    site = Site()
    async with listening(site.application(), "127.0.0.1", 0) as site.port, site.visit(sent) as (reader, _):
        assert await ended(reader)


async def test_a_head_that_comes_byte_by_byte_gains_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "IDLE_S", 0.2)
    site = Site()
    async with (
        listening(site.application(), "127.0.0.1", 0) as site.port,
        site.visit(b"GET /short HTTP/1.1\r\nX: ") as (reader, writer),
        asyncio.timeout(5),
    ):
        while not reader.at_eof():
            writer.write(b"a")
            try:
                async with asyncio.timeout(0.02):
                    assert await reader.read(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                break


async def test_a_crowd_that_says_nothing_keeps_nobody_from_being_answered(site: Site) -> None:
    async with AsyncExitStack() as crowd:
        visits = [await crowd.enter_async_context(site.visit(b"GET /")) for _ in range(MOST + 2 * BACKLOG)]
        assert await site.status(site.head()) == 200
        first, last = visits[0][0], visits[-1][0]
        assert await ended(first)  # who has waited longest went
        assert not last.at_eof()


async def test_when_all_are_being_answered_one_more_is_told_to_come_later(
    monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    monkeypatch.setattr(listener, "MOST", 3)
    async with AsyncExitStack() as crowd, asyncio.timeout(5):
        for count in range(1, 4):
            await crowd.enter_async_context(site.visit(site.head("/slow")))
            while site.waiting < count:
                await asyncio.sleep(0)
        assert await site.status(site.head()) == 503
        site.go.set()


@pytest.mark.parametrize(
    "more",
    [
        ("X-Long: " + "a" * 9000,),
        tuple(f"X-{number}: a" for number in range(40)),
    ],
)
async def test_a_head_that_is_too_large_is_refused(site: Site, more: tuple[str, ...]) -> None:
    assert await site.status(site.head("/short", *more)) == 400
    assert await site.status(site.head("/" + "a" * 9000)) == 400
    assert await site.status(site.head()) == 200


async def test_who_does_not_take_an_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "ANSWER_S", 0.1)
    monkeypatch.setattr(listener, "SWEEP_S", 0.02)
    site = Site()
    async with (
        listening(site.application(), "127.0.0.1", 0) as site.port,
        site.visit(site.head("/long"), limit=1024) as (reader, _),
        asyncio.timeout(10),
    ):
        assert b" 200 " in await reader.readline()
        await asyncio.sleep(0.5)  # the time in which it is cut
        received = 0
        try:
            while piece := await reader.read(65536):
                received += len(piece)
        except ConnectionError:
            pass
        assert received < BIG


async def test_answers_that_nobody_takes_are_not_made_without_end(
    monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    monkeypatch.setattr(listener, "UNTAKEN_BYTES", BIG // 2)
    async with site.visit(site.head("/long"), limit=1024) as (reader, _):
        async with asyncio.timeout(5):
            assert b" 200 " in await reader.readline()
        assert await site.status(site.head("/long")) == 503
    async with asyncio.timeout(5):
        while await site.status(site.head()) != 200:
            await asyncio.sleep(0)  # it notices that the reader is gone


async def test_an_address_that_is_taken_is_an_error_of_the_system(site: Site) -> None:
    with pytest.raises(OSError, match="in use"):
        async with listening(Site().application(), "127.0.0.1", site.port):
            raise AssertionError
