"""Resolvers asked in turn."""

import asyncio
from pathlib import Path

import pytest

from plugins.vpn import resolver
from plugins.vpn.resolver import resolve, servers_of_this_host
from tests.support.vpn import named, resolving

QUESTION = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x01a\x00\x00\x01\x00\x01"


@pytest.mark.parametrize("tcp", [False, True])
async def test_the_first_that_answers_is_heard(tcp: bool) -> None:
    async with resolving() as port:
        servers = ("127.0.0.9", "::1", "127.0.0.1")  # nobody is at the first two
        assert await resolve(QUESTION, servers, tcp=tcp, port=port) == named(QUESTION)


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "ONE_S", 0.05)
    assert await resolve(QUESTION, ("127.0.0.9",), tcp=True, port=1) is None

    class Liar(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.transport.sendto(b"\0\0" + named(data)[2:], addr)  # type: ignore[attr-defined]  # a datagram one

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Liar, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    assert await resolve(QUESTION, ("127.0.0.1",), tcp=False, port=port) is None
    transport.close()


async def test_a_lie_by_tcp_is_no_answer() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\0\x0c" + bytes(12))
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await resolve(QUESTION, ("127.0.0.1",), tcp=True, port=port) is None
        await gone.wait()


def test_a_host_has_resolvers(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 10.0.0.1\n")
    assert servers_of_this_host(path) == ("10.0.0.1",)
    assert servers_of_this_host(tmp_path / "none") == ("127.0.0.1",)
