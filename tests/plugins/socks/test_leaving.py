"""An exit's side of one stream, said by a peer that is no client of ours."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from components.visor.app import App, Stream, StreamReset
from plugins.socks import leaving, mirror
from plugins.socks.destination import NOWHERE, Destination
from plugins.socks.leaving import CROWDED, NOT_WELCOME
from plugins.socks.request import Code, Command, reply, write
from tests.support.nodes import until
from tests.support.socks import Proxy, proxied, web

Dial = Callable[[], Awaitable[Stream]]


@pytest.fixture
async def proxy(short_tmp: Path) -> AsyncIterator[Proxy]:
    async with proxied(short_tmp) as made:
        yield made


@pytest.fixture
async def dial(proxy: Proxy) -> AsyncIterator[Dial]:
    async with App.connect(str(proxy.nodes[0].options.app_socket)) as app:
        yield lambda: app.dial(proxy.nodes[1].key, 3)


@pytest.mark.parametrize(
    "data, told",
    [
        (b"\x06", b""),
        (b"\x05\x09\x00\x01\x7f\x00\x00\x01\x00\x50", reply(5, Code.NO_SUCH_COMMAND)),
        (write(Command.BIND, NOWHERE), reply(5, Code.NO_SUCH_COMMAND)),
        (write(Command.CONNECT, NOWHERE), reply(5, Code.NOT_ALLOWED)),
        (b"\x04\x01\x00\x50\x00\x00\x00\x00\x00", reply(4, Code.NOT_ALLOWED)),
        (b"\x05\x01", b""),
    ],
)
async def test_a_request_that_cannot_be_done_is_answered_and_ended(
    dial: Dial, data: bytes, told: bytes
) -> None:
    async with await dial() as stream:
        stream.write(data)
        stream.write_eof()
        assert await stream.read() == told


async def test_a_request_that_does_not_come_is_not_waited_for(
    dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "REQUEST_S", 0.05)
    async with await dial() as stream:
        with pytest.raises(StreamReset, match="258"):
            await stream.read()


async def test_a_page_that_nobody_asks_for_is_not_waited_for(
    dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "REQUEST_S", 0.2)
    async with await dial() as stream:
        stream.write(write(Command.CONNECT, Destination(mirror.NAME, 80)))
        assert await stream.readexactly(10) == reply(5, Code.DONE)
        with pytest.raises(StreamReset, match="258"):
            await stream.read()


async def test_there_is_a_bound_on_connections(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "MOST", 0)
    async with web() as place, await dial() as stream:
        host, _, port = place.rpartition(":")
        stream.write(write(Command.CONNECT, Destination(host, int(port))))
        assert await stream.read() == reply(5, Code.FAILED)


async def test_one_peer_has_a_bound_of_its_own_and_hears_when_it_is_reached(
    dial: Dial, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(leaving, "OF_ONE", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        request = write(Command.CONNECT, Destination(*server.getsockname()))
        async with await dial() as first, await dial() as second:
            first.write(request)
            assert (await first.readexactly(10))[1] == Code.DONE
            second.write(request)
            assert await second.readexactly(10) == reply(5, Code.FAILED)
    assert "there are 1 connections of this peer" in caplog.text
    streams = proxy.server._exit._streams
    await until(lambda: not streams.total())
    async with await dial(), await dial():
        await until(lambda: streams.total() == 2)
        async with await dial() as third:
            with pytest.raises(StreamReset) as caught:
                await third.read()
        assert caught.value.code == CROWDED
    figures = await proxy.server.status()
    assert (figures["crowded"], figures["refused"]) == (2, 2)


async def test_a_fault_of_ours_ends_one_stream_only(
    dial: Dial, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as inner:
        inner.setattr(leaving, "parse", lambda data: 1 // 0)
        async with await dial() as stream:
            stream.write(b"\x05")
            assert await stream.read() == b""
    assert "a stream failed" in caplog.text
    async with await dial() as stream:
        stream.write(write(Command.BIND, NOWHERE))
        assert await stream.read() == reply(5, Code.NO_SUCH_COMMAND)


async def test_who_is_not_welcome_is_broken_off_before_anything_is_read(short_tmp: Path) -> None:
    async with proxied(short_tmp, server=f"--allow 58{31 * '66'}") as made:
        path = str(made.nodes[0].options.app_socket)
        async with App.connect(path) as app, await app.dial(made.nodes[1].key, 3) as stream:
            async with asyncio.timeout(10):
                with pytest.raises(StreamReset) as caught:
                    await stream.read()
    assert caught.value.code == NOT_WELCOME
