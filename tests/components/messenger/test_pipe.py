import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import pytest

from components.messenger import pipe as module
from components.messenger.pipe import Pipe, notice_the_dead


class Joined(NamedTuple):
    left: socket.socket
    right: socket.socket
    pipe: Pipe
    running: asyncio.Task[str]
    inner: tuple[socket.socket, socket.socket]


@asynccontextmanager
async def joined(charge: Callable[[int], bool] = lambda _: True) -> AsyncIterator[Joined]:
    (left, one), (right, two) = socket.socketpair(), socket.socketpair()
    for sock in (left, one, right, two):
        sock.setblocking(False)
    with left, one, right, two:
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(20):
            pipe = Pipe(one, two, charge)
            running = tasks.create_task(pipe.run())
            await asyncio.sleep(0)
            yield Joined(left, right, pipe, running, (one, two))
            running.cancel()
        assert one.fileno() == two.fileno() == -1


async def drained(sock: socket.socket) -> bytes:
    loop, data = asyncio.get_running_loop(), bytearray()
    while received := await loop.sock_recv(sock, 65536):
        data += received
    return bytes(data)


async def test_bytes_pass_both_ways_and_each_end_on_its_own() -> None:
    loop = asyncio.get_running_loop()
    async with joined() as it:
        await loop.sock_sendall(it.left, b"ask")
        assert await loop.sock_recv(it.right, 10) == b"ask"
        it.left.shutdown(socket.SHUT_WR)
        assert await loop.sock_recv(it.right, 10) == b""
        await loop.sock_sendall(it.right, b"answer")
        it.right.shutdown(socket.SHUT_WR)
        assert await drained(it.left) == b"answer"
        assert await it.running == ""
        assert it.pipe.bytes == 9


async def test_a_side_that_does_not_read_holds_the_other_up_and_gets_all_later() -> None:
    loop = asyncio.get_running_loop()
    sent = bytes(range(256)) * 16384
    async with joined() as it, asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(loop.sock_sendall(it.left, sent))
        await asyncio.wait((sending,), timeout=0.05)
        assert not sending.done()
        assert it.pipe.bytes <= 3 * module.BUFFER_BYTES
        sending.add_done_callback(lambda _: it.left.shutdown(socket.SHUT_WR))
        assert await drained(it.right) == sent


async def test_a_side_that_takes_nothing_for_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.02)
    async with joined() as it:
        while not it.running.done():
            with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                it.left.send(bytes(65536))
            await asyncio.sleep(0)
        assert await it.running == "a side reads nothing"


async def test_both_sides_end_when_one_breaks() -> None:
    loop = asyncio.get_running_loop()
    async with joined() as it:
        await loop.sock_sendall(it.right, b"unread")
        await loop.sock_recv(it.left, 1)
        it.right.close()
        await loop.sock_sendall(it.left, b"x")
        assert await it.running
        assert await drained(it.left) in (b"nread", b"")


async def test_it_ends_when_no_bytes_are_left_today() -> None:
    loop = asyncio.get_running_loop()
    async with joined(lambda size: size < 3) as it:
        await loop.sock_sendall(it.left, b"ok")
        assert await loop.sock_recv(it.right, 10) == b"ok"
        await loop.sock_sendall(it.left, b"too much")
        assert await it.running == "no bytes are left today"
        assert await drained(it.right) == b""


async def test_an_end_from_outside_closes_both() -> None:
    async with joined() as it:
        it.pipe.end("enough")
        it.pipe.end("again")
        assert await it.running == "enough"
        assert await drained(it.left) == b""


def test_the_system_asks_silent_peers() -> None:
    with socket.socket() as sock:
        notice_the_dead(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 4
