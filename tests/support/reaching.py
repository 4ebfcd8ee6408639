"""Reach between whole nodes of a mesh in one process, and unix sockets behind it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from components.visor.node.node import Node
from plugins.reach.options import Options
from plugins.reach.server import Server
from tests.support.app_server import SOON_S, Running
from tests.support.nodes import link, mesh

PORT = 50


class Host(Running):
    """One node and its reach."""

    def __init__(self, node: Node, group: asyncio.TaskGroup) -> None:
        super().__init__(group)
        self.node = node
        self.key = node.key.hex()
        self.folder = node.options.app_socket.parent
        self.server = Server(Options("reach", str(node.options.app_socket), PORT))

    async def start(self) -> None:
        """Once it is ready."""
        await self.begin(self.server)


@asynccontextmanager
async def hosts(folder: Path, count: int = 2) -> AsyncIterator[list[Host]]:
    """Nodes in a row, each with reach that runs."""
    async with mesh(folder) as made, asyncio.TaskGroup() as group:
        found = [Host(await made.node(), group) for _ in range(count)]
        for one, other in itertools.pairwise(found):
            await link(one.node, other.node)
        for host in found:
            await host.start()
        try:
            yield found
        finally:
            for host in found:
                await host.stop()


@asynccontextmanager
async def shouting(path: Path) -> AsyncIterator[None]:
    """A unix server that answers each line in capitals."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    async with server:
        yield


class Talk:
    """A connection to a unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def says(self, line: bytes) -> bytes:
        """What comes back for a line; nothing when the connection has ended."""
        with suppress(ConnectionError):
            self._writer.write(line + b"\n")
            async with asyncio.timeout(SOON_S):
                return (await self._reader.readline()).rstrip(b"\n")
        return b""

    async def ended(self) -> bool:
        """Wait for the end of it."""
        with suppress(ConnectionError):
            async with asyncio.timeout(SOON_S):
                return await self._reader.read() == b""
        return True


@asynccontextmanager
async def talk(path: Path | str) -> AsyncIterator[Talk]:
    """Connect there."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()


async def led(near: Host, far: Host, name: str = "peers") -> Path:
    """A socket of `near` that leads to a place of `far`."""
    path = near.folder / f"{name}.sock"
    assert await near.server.lead(far.key, name, str(path)) == {}
    return path
