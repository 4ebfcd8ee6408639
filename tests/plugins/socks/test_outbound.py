"""An exit's datagrams: who may answer, and what is lost."""

import asyncio
import socket
from collections import OrderedDict
from pathlib import Path

import pytest

from components.visor.app import App
from plugins.socks import datagrams, outbound
from plugins.socks.datagrams import Datagram
from plugins.socks.destination import NOWHERE, Destination
from plugins.socks.request import Code, Command, reply, write
from tests.support.socks import proxied


async def test_only_who_was_asked_can_answer(short_tmp: Path) -> None:
    loop = asyncio.get_running_loop()
    async with proxied(short_tmp) as proxy:
        path = str(proxy.nodes[0].options.app_socket)
        with (
            socket.socket(type=socket.SOCK_DGRAM) as asked,
            socket.socket(type=socket.SOCK_DGRAM) as stranger,
        ):
            asked.setblocking(False)
            asked.bind(("127.0.0.1", 0))
            async with App.connect(path) as app, await app.dial(proxy.nodes[1].key, 3) as stream:
                place = Destination(*asked.getsockname())
                rubbish = b"\x00\x01\x09"
                one = datagrams.for_stream(Datagram(place, b"question"))
                stream.write(write(Command.UDP, NOWHERE) + rubbish + one)
                assert await stream.readexactly(10) == reply(5, Code.DONE)
                async with asyncio.timeout(10):
                    data, source = await loop.sock_recvfrom(asked, 100)
                    assert data == b"question"
                    stranger.sendto(b"from a stranger", ("127.0.0.1", source[1]))
                    asked.sendto(b"answer", ("127.0.0.1", source[1]))
                    size = int.from_bytes(await stream.readexactly(2), "big")
                    assert datagrams.of_stream(await stream.readexactly(size)) == Datagram(place, b"answer")


async def test_a_host_without_ipv6_has_datagrams_of_ipv4(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    def no_six(family: int = socket.AF_INET, *more: int, **words: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *more, **words)

    async with proxied(short_tmp) as proxy:
        path = str(proxy.nodes[0].options.app_socket)
        async with App.connect(path) as app, await app.dial(proxy.nodes[1].key, 3) as stream:
            monkeypatch.setattr(socket, "socket", no_six)
            six = datagrams.for_stream(Datagram(Destination("::1", 9), b"lost"))
            stream.write(write(Command.UDP, NOWHERE) + six)
            assert await stream.readexactly(10) == reply(5, Code.DONE)
            monkeypatch.undo()


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    kept = OrderedDict[int, int]()
    for number in range(outbound.ASKED_MOST + 1):
        outbound._remember(kept, number, number)
    assert len(kept) == outbound.ASKED_MOST
    assert 0 not in kept
