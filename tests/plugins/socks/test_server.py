"""An exit on a whole node: who may use it, and where it goes."""

import asyncio
from pathlib import Path

import pytest

from components.visor.app import Misuse
from plugins.socks import options
from plugins.socks.client import Client
from plugins.socks.destination import Destination
from plugins.socks.request import Command, write
from plugins.socks.server import Server
from tests.support.mesh_hosts import eventually
from tests.support.nodes import until
from tests.support.socks import PAGE, curl, proxied, web

KEY = "58" + 31 * "66"


async def test_private_addresses_are_refused_by_default(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp, server="") as proxy:
        for scheme in ("socks4", "socks5", "socks5h"):
            code, body, _ = await curl("-x", f"{scheme}://{proxy.socks}", f"http://{place}/")
            assert (code, body) == (97, b"")
        code, body, said = await curl("-p", "-x", f"http://{proxy.web}", f"http://{place}/")
        assert body == b""
        assert "403" in said
        figures = await proxy.server.status()
        assert (figures["refused"], figures["served"]) == (4, 0)


async def test_a_key_that_is_not_on_the_list_gets_nothing(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp, server=f"--allow-private --allow {KEY}") as proxy:
        code, body, _ = await curl("-x", f"socks5://{proxy.socks}", f"http://{place}/")
        assert code != 0
        assert body == b""
        assert (await curl("-p", "-x", f"http://{proxy.web}", f"http://{place}/"))[1] == b""
        assert (await proxy.server.status())["refused"] == 2


async def test_both_ends_count_the_same_bytes(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp) as proxy:
        await curl("-p", "-x", f"http://{proxy.web}", f"http://{place}/")
        await until(lambda: proxy.server.ledger.served and proxy.client.ledger.served)
        out, used = await proxy.server.status(), await proxy.client.status()
        assert out["received_bytes"] == used["received_bytes"] >= len(PAGE)
        assert out["sent_bytes"] == used["sent_bytes"] > 0
        assert used["visor"] is True
        assert out["port"] == 3


async def received(app: Server | Client) -> bool:
    """Whether the one connection of an app has brought the page; SOCKS counts its reply too."""
    (row,) = (await app.status())["connections"]
    return row["received_bytes"] in range(len(PAGE), len(PAGE) + 11)


async def test_bytes_are_counted_while_a_connection_lives(short_tmp: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(PAGE)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server, proxied(short_tmp) as proxy:
        target = Destination("127.0.0.1", server.sockets[0].getsockname()[1])
        for place in (proxy.socks, proxy.web):
            host, _, port = place.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            if place == proxy.socks:
                writer.write(b"\x05\x01\x00" + write(Command.CONNECT, target))
            else:
                writer.write(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
            await reader.readexactly(len(PAGE))
            await eventually(lambda: received(proxy.server), "the bytes of a page at the exit")
            await eventually(lambda: received(proxy.client), "the bytes of a page at the client")
            writer.close()
            await writer.wait_closed()
            await until(lambda: not (proxy.server.ledger.open or proxy.client.ledger.open))


def test_a_key_that_is_none_is_told_at_the_start() -> None:
    with pytest.raises(Misuse, match="no public key"):
        Server(options.server(["--allow", "mike"]))
