"""One app's connection, seen from a socket: order of hello, versions, slow readers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.visor.apps import codec
from components.visor.apps.codec import Cutter, encode
from components.visor.apps.messages import (
    Describe,
    Dial,
    Done,
    Failed,
    FromApp,
    FromVisor,
    Hello,
    Joined,
    Listen,
    Unlisten,
)
from components.visor.apps.server import AppServer
from components.visor.plane.streams.api import Code
from tests.support.appnet import Mesh
from tests.support.mesh import ALICE, BOB


class Raw:
    """An app that speaks for itself."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._cutter = Cutter(codec.of_visor)

    async def ask(self, message: FromApp, *descriptors: int) -> FromVisor:
        socket.send_fds(self.sock, [encode(message)], descriptors)
        return await self.next()

    async def next(self) -> FromVisor:
        async with asyncio.timeout(10):
            while True:
                for message in self._cutter.messages():
                    return message
                data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
                assert data, "it hung up"
                self._cutter.feed(data)


@pytest.fixture
async def server(short_tmp: Path) -> AsyncIterator[AppServer]:
    async with AppServer(short_tmp / "app.sock", Mesh(ALICE)) as made:
        yield made


@pytest.fixture
async def raw(server: AppServer) -> AsyncIterator[Raw]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        sock.connect(str(server.path))
        yield Raw(sock)


async def test_hello_comes_first_and_once(raw: Raw) -> None:
    early = await raw.ask(Describe(1))
    assert isinstance(early, Failed)
    assert (early.re, early.code) == (1, "hello-first")
    assert isinstance(await raw.ask(Hello(2, "raw", 1)), Joined)
    again = await raw.ask(Hello(3, "raw", 1))
    assert isinstance(again, Failed)
    assert again.code == "hello-first"


async def test_another_version_is_refused_by_both_numbers(raw: Raw) -> None:
    answer = await raw.ask(Hello(1, "raw", 99))
    assert isinstance(answer, Failed)
    assert "version 1" in answer.text
    assert "you 99" in answer.text


async def test_a_descriptor_that_comes_too_early_is_closed(raw: Raw) -> None:
    ours, theirs = socket.socketpair()
    answer = await raw.ask(Dial(1, BOB.public_key, 7, fd=True), theirs.fileno())
    assert isinstance(answer, Failed)
    theirs.close()
    assert ours.recv(1) == b""
    ours.close()


async def test_a_bad_key_is_said(raw: Raw) -> None:
    await raw.ask(Hello(1, "raw", 1))
    answer = await raw.ask(Dial(2, b"\xff" * 32, 7))
    assert isinstance(answer, Failed)
    assert answer.code == "bad-key"


async def test_what_is_not_listened_on_cannot_be_given_back(raw: Raw) -> None:
    await raw.ask(Hello(1, "raw", 1))
    answer = await raw.ask(Unlisten(2, 7))
    assert isinstance(answer, Failed)
    assert answer.code == "not-listening"


async def test_an_app_that_reads_nothing_loses_messages_and_streams_only(server: AppServer, raw: Raw) -> None:
    await raw.ask(Hello(1, "raw", 1))
    await raw.ask(Listen(2, 7))
    while server.message(BOB.public_key, 7, 1, bytes(32_000)):
        pass

    class Offer:
        peer, port, source = BOB.public_key, 7, 1
        code = 0

        def accept(self, sock: socket.socket, over: object) -> None:
            raise AssertionError

        def refuse(self, code: int) -> None:
            Offer.code = code

    server.offered(Offer())
    assert Offer.code == Code.BUSY
    assert len(server.apps) == 1
    raw.sock.send(encode(Describe(3)))
    async with asyncio.timeout(10):
        while getattr(await raw.next(), "re", 0) != 3:
            pass


async def test_an_app_that_asks_and_never_reads_is_hung_up_on(server: AppServer, raw: Raw) -> None:
    await raw.ask(Hello(1, "raw", 1))
    question = encode(Describe(2)) * 100
    async with asyncio.timeout(30):
        while server.apps:
            try:
                raw.sock.send(question)
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass
            await asyncio.sleep(0)


async def test_an_answer_has_the_port_that_was_chosen(raw: Raw) -> None:
    await raw.ask(Hello(1, "raw", 1))
    answer = await raw.ask(Listen(2, 0))
    assert isinstance(answer, Done)
    assert answer.port >= 49152


async def test_first_bytes_and_a_socket_do_not_go_together(raw: Raw) -> None:
    assert isinstance(await raw.ask(Hello(1, "raw", 1)), Joined)
    ours, theirs = socket.socketpair()
    answer = await raw.ask(Dial(2, BOB.public_key, 7, fd=True, first=b"hello"), theirs.fileno())
    theirs.close()
    assert isinstance(answer, Failed)
    assert (answer.code, "only where no socket" in answer.text) == ("bad-descriptor", True)
    assert ours.recv(1) == b""
    ours.close()
