"""SOCKS over whole nodes of a mesh, and what is on both sides of it: programs, a web server, a resolver."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from components.visor.node.node import Node
from plugins.socks import options
from plugins.socks.client import Client
from plugins.socks.server import Server
from tests.support.nodes import link, mesh

PAGE = hashlib.sha256(b"page").digest() * 8192  # 256 KiB


@dataclass
class Proxy:
    """A client on one node and its exit on another."""

    nodes: list[Node]
    client: Client
    server: Server
    socks: str
    web: str


async def _ready(
    work: Client | Server, group: asyncio.TaskGroup
) -> tuple[asyncio.Task[None], dict[str, str]]:
    told: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    def ready(endpoints: dict[str, str]) -> None:
        if not told.done():
            told.set_result(endpoints)

    task = group.create_task(work.run(ready))
    async with asyncio.timeout(20):
        return task, await told


@asynccontextmanager
async def proxied(
    folder: Path, *, server: str = "--allow-private", client: str = "", hops: int = 1
) -> AsyncIterator[Proxy]:
    """Nodes in a row: programs enter at the first and leave at the last."""
    async with mesh(folder) as made, asyncio.TaskGroup() as group:
        nodes = [await made.node() for _ in range(hops + 1)]
        for one, other in itertools.pairwise(nodes):
            await link(one, other)
        near, far = nodes[0], nodes[-1]
        near.book.name(far.key, "mike")
        leaving = Server(options.server(["out", str(far.options.app_socket), "3", *server.split()]))
        words = ["in", str(near.options.app_socket), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        entering = Client(options.client([*words, "--peer", far.key.hex(), *client.split()]))
        serving, _ = await _ready(leaving, group)
        using, places = await _ready(entering, group)
        try:
            yield Proxy(nodes, entering, leaving, places["socks"], places["http"])
        finally:
            using.cancel()
            serving.cancel()


@asynccontextmanager
async def web(host: str = "127.0.0.1") -> AsyncIterator[str]:
    """A server that answers every request with `PAGE`; its HOST:PORT."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, host, 0, backlog=256)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def curl(*words: str) -> tuple[int, bytes, str]:
    """What curl came to: its exit code, the body, what it said."""
    process = await asyncio.create_subprocess_exec(
        "curl",
        "-sS",
        "--max-time",
        "40",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out, err.decode()


class Resolver(asyncio.DatagramProtocol):
    """Answers every question for an A record with 192.0.2.7."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        head = data[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
        self.transport.sendto(
            head + data[12:] + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07", addr
        )
