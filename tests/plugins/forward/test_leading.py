"""What a port leads to, when the stream behind it fails."""

import asyncio
import logging
import socket
import struct
from pathlib import Path

import pytest

from plugins.forward import leading
from tests.support.forwarding import datagrams, exchanged, parroting, sides
from tests.support.nodes import until


async def test_a_program_that_breaks_off_breaks_the_targets_connection(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
            broken.set_result(False)
        except ConnectionResetError:
            broken.set_result(True)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, sides(short_tmp) as (near, far), asyncio.timeout(60):
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await far.does(f"offer {place} --to {near.key}")
        row = await near.does(f"fwd 0 {far.key}:{place}")
        host, _, port = row["listen"].rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"x")
        await until(lambda: far.server._work.rows()[0]["open"])
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with caplog.at_level(logging.INFO, leading.__name__):
            writer.close()
            assert await broken
            await until(lambda: "a connection broke" in caplog.text)


async def test_datagrams_without_a_way_are_lost_and_the_reason_is_shown(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far), parroting() as place:
        row = await near.does(f"fwd 0 {far.key}:{place} --udp")
        async with datagrams(row["listen"]) as program:
            await asyncio.get_running_loop().sock_sendall(program, b"x")
            await until(lambda: near.server._work.rows()[0]["refused"])
            assert near.server._work.rows()[0]["trouble"]
            await far.does(f"offer {place} --to {near.key} --udp")
            assert await exchanged(program, b"x") == b"X"
            await far.stop()
            await until(lambda: near.server._work.rows()[0]["open"] == 0)
