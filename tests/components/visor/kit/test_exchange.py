"""Copying between a stream and a socket."""

import asyncio
import socket
from pathlib import Path

import pytest

from plugins.socks.destination import Destination
from plugins.socks.request import Command, write
from tests.support.socks import proxied


@pytest.mark.parametrize("port", ["socks", "http"])
async def test_a_connection_that_breaks_is_no_end_for_the_program(short_tmp: Path, port: str) -> None:
    """A page of which the half came must not look whole."""
    reset = b"\x01\x00\x00\x00\x00\x00\x00\x00"

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()

    async with await asyncio.start_server(half, "127.0.0.1", 0) as server, proxied(short_tmp) as proxy:
        target = Destination("127.0.0.1", server.sockets[0].getsockname()[1])
        place = proxy.socks if port == "socks" else proxy.web
        said = b"\x05\x01\x00" + write(Command.CONNECT, target)
        if port == "http":
            said = f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()
        host, _, number = place.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(number))
        writer.write(said + b"x")
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionError):
                await reader.read()
        writer.close()
