"""What a peer does not read."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from plugins.terminal import carrier
from plugins.terminal.carrier import Carrier


class Echo(asyncio.Protocol):
    """Stands for asyncssh: answers each byte with many."""

    def __init__(self, many: int) -> None:
        self.many = many
        self.ended = asyncio.Event()
        self.at_eof = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data * self.many)

    def eof_received(self) -> None:
        self.at_eof = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


@asynccontextmanager
async def carried(many: int = 1) -> AsyncIterator[tuple[Carrier, Echo, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    made = Carrier(ours)
    transport, echo = await made.create_connection(lambda: Echo(many), "", 0)
    with theirs:
        async with asyncio.timeout(20):
            yield made, echo, theirs
        transport.abort()
        await echo.ended.wait()


async def test_bytes_and_ends_pass() -> None:
    loop = asyncio.get_running_loop()
    async with carried() as (made, echo, theirs):
        await loop.sock_sendall(theirs, b"hello")
        assert await loop.sock_recv(theirs, 99) == b"hello"
        await made.drained()
        theirs.shutdown(socket.SHUT_WR)
        await echo.ended.wait()
        assert echo.at_eof


async def test_who_produces_waits_until_the_peer_reads() -> None:
    loop = asyncio.get_running_loop()
    async with carried(4 * carrier.HIGH) as (made, _, theirs):
        await loop.sock_sendall(theirs, b"x")
        while made._drained.is_set():
            await asyncio.sleep(0)
        waiting = asyncio.Event()

        async def wait() -> None:
            waiting.set()
            await made.drained()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(wait())
            await waiting.wait()
            assert not task.done()
            left = 4 * carrier.HIGH
            while left:
                left -= len(await loop.sock_recv(theirs, 65536))


async def test_a_peer_that_asks_and_never_reads_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(carrier, "WAITING_MAX", 1024 * 1024)
    async with carried(1024) as (made, echo, theirs):
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await asyncio.get_running_loop().sock_sendall(theirs, b"x" * 64 * 1024 * 1024)
        await echo.ended.wait()
        await made.drained()  # nobody waits for ever
        assert "hung up on a client" in caplog.text


async def test_a_socket_that_came_to_nothing_is_closed() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        Carrier(ours).close_unused()
        assert ours.fileno() == -1
