"""Forwarding between whole nodes of a mesh in one process, and programs on both sides."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from components.visor.node.node import Node
from plugins.forward.options import Options
from plugins.forward.server import Server
from tests.support.app_server import SOON_S, Running
from tests.support.nodes import link, mesh

PORT = 47


class Side(Running):
    """One node and its forwarding, which can be started anew."""

    def __init__(self, node: Node, group: asyncio.TaskGroup) -> None:
        super().__init__(group)
        self.node = node
        self.key = node.key.hex()
        self.rules: tuple[str, ...] = ()

    def server_of(self) -> Server:
        """One more program like it, which does not run yet."""
        place = self.node.options.app_socket
        return Server(Options("forward", str(place), PORT, place.parent / "forward", self.rules))

    async def start(self) -> None:
        """Once it is ready."""
        self.server = self.server_of()
        await self.begin(self.server)

    async def does(self, line: str) -> dict[str, Any]:
        """A rule that has to be taken; `{}` in it is not filled in."""
        row = await self.server.add(line)
        assert "error" not in row, row
        return row

    async def rows(self) -> list[dict[str, Any]]:
        """All rules with their figures."""
        rows: list[dict[str, Any]] = (await self.server.status())["rules"]
        return rows


@asynccontextmanager
async def sides(folder: Path, count: int = 2) -> AsyncIterator[list[Side]]:
    """Nodes in a row, each with forwarding that runs."""
    async with mesh(folder) as made, asyncio.TaskGroup() as group:
        found = [Side(await made.node(), group) for _ in range(count)]
        for one, other in itertools.pairwise(found):
            await link(one.node, other.node)
        for side in found:
            await side.start()
        try:
            yield found
        finally:
            for side in found:
                await side.stop()


@asynccontextmanager
async def echoing(prefix: bytes = b"") -> AsyncIterator[str]:
    """A TCP server that answers all it got once its client has ended; its HOST:PORT."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(prefix + await reader.read())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def asked(place: str, data: bytes) -> bytes:
    """What a server at HOST:PORT answers when `data` and an end came. Raises `OSError`."""
    host, _, port = place.rpartition(":")
    async with asyncio.timeout(SOON_S):
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        try:
            writer.write(data)
            writer.write_eof()
            return await reader.read()
        finally:
            writer.close()


class Parrot(asyncio.DatagramProtocol):
    """Answers every datagram with itself, in capitals."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data.upper(), addr)


@asynccontextmanager
async def parroting() -> AsyncIterator[str]:
    """A UDP server; its HOST:PORT."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Parrot, local_addr=("127.0.0.1", 0))
    try:
        yield "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


@asynccontextmanager
async def datagrams(place: str) -> AsyncIterator[socket.socket]:
    """A socket that is connected to a UDP port."""
    host, _, port = place.rpartition(":")
    async with AsyncExitStack() as stack:
        sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.setblocking(False)
        sock.connect((host, int(port)))
        yield sock


async def exchanged(sock: socket.socket, data: bytes) -> bytes:
    """The answer to a datagram, which is sent again while none comes: the first may find no way yet."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(SOON_S):
        while True:
            await loop.sock_sendall(sock, data)
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    return await loop.sock_recv(sock, 65_535)
