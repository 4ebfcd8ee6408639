import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

from signal_bus.testing import until
from tests.support.peering import Side, joined
from tests.support.rosters import host
from viscript.cluster.links.api import Caller
from viscript.cluster.links.pipe import by_door, carry
from viscript.cluster.links.stream import HostStream
from viscript.verbs.table import Role

A, B = host(1), host(2)
CALLER = Caller(key=A.public_key, label="a", role=Role.OPERATE)


async def connected() -> tuple[HostStream, HostStream, Side]:
    left, right = await joined(A, B)
    mine = left.link.open("door", {})
    await until(lambda: right.ears.streams)
    theirs = HostStream(right.ears.streams[0], "a", A.public_key)
    return HostStream(mine, "b", B.public_key), theirs, right


async def served(serve: Callable[..., Awaitable[None]], stream: HostStream) -> None:
    await by_door(serve)(stream, CALLER)


async def test_two_sockets_far_apart_are_as_one_pair() -> None:
    mine, theirs, _ = await connected()
    (here, near), (there, far) = socket.socketpair(), socket.socketpair()
    data = os.urandom(1 << 20)
    async with asyncio.TaskGroup() as group:
        group.create_task(carry(mine, near))
        group.create_task(carry(theirs, far))
        reader, writer = await asyncio.open_unix_connection(sock=there)
        asker, asking = await asyncio.open_unix_connection(sock=here)
        asking.write(data)
        asking.write_eof()
        assert await reader.read() == data
        writer.write(data[::-1])
        writer.close()
        assert await asker.read() == data[::-1]
        asking.close()


async def test_a_way_that_breaks_ends_the_socket() -> None:
    mine, _, right = await connected()
    here, near = socket.socketpair()
    async with asyncio.TaskGroup() as group:
        group.create_task(carry(mine, near))
        reader, writer = await asyncio.open_unix_connection(sock=here)
        right.link.end("stopped", "")
        assert await reader.read() == b""
        writer.close()


async def test_a_door_hears_who_speaks_and_in_what_role() -> None:
    mine, theirs, _ = await connected()
    heard: list[tuple[str, Role]] = []

    async def serve(sock: socket.socket, *, actor: str, role: Role) -> None:
        heard.append((actor, role))
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        asked = await loop.sock_recv(sock, 100)
        await loop.sock_sendall(sock, asked.upper())
        sock.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(served(serve, theirs))
        await mine.write(b"hello")
        assert await mine.read() == b"HELLO"
        assert await mine.read() == b""
    assert heard == [(A.name, Role.OPERATE)]


async def test_a_caller_that_leaves_ends_the_conversation() -> None:
    mine, theirs, _ = await connected()
    ended = asyncio.Event()

    async def serve(sock: socket.socket, *, actor: str, role: Role) -> None:
        sock.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(sock, 100) == b""
        sock.close()
        ended.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(served(serve, theirs))
        await mine.close("cancelled", "interrupted")
        await ended.wait()
