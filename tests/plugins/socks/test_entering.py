"""What a program meets at the client's ports."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from components.visor.app import App
from plugins.socks import entering, exits
from plugins.socks.destination import NOWHERE, Destination
from plugins.socks.request import Code, Command, reply, write
from tests.support.nodes import until
from tests.support.programs import free_port
from tests.support.socks import PAGE, curl, proxied, web


async def said(place: str, data: bytes, *, end: bool = True) -> bytes:
    """All that is answered."""
    host, _, port = place.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    if end:
        writer.write_eof()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


async def test_the_end_of_one_direction_is_passed_on_and_the_other_goes_on(short_tmp: Path) -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d bytes" % len(await reader.read()))
        writer.close()

    async with await asyncio.start_server(count, "127.0.0.1", 0) as server, proxied(short_tmp) as proxy:
        target = Destination("127.0.0.1", server.sockets[0].getsockname()[1])
        data = b"\x05\x01\x00" + write(Command.CONNECT, target) + bytes(100_000)
        answer = await said(proxy.socks, data)  # all in one go: nothing is lost of what came early
        assert answer.endswith(b"100000 bytes")
        head = f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()
        assert (await said(proxy.web, head + bytes(70_000))).endswith(b"70000 bytes")


async def test_what_is_refused_is_told_in_the_programs_protocol(short_tmp: Path) -> None:
    gone = Destination("127.0.0.1", free_port())
    async with proxied(short_tmp) as proxy:
        five = b"\x05\x01\x00"
        assert await said(proxy.socks, five + write(Command.BIND, NOWHERE)) == b"\x05\x00" + reply(
            5, Code.NO_SUCH_COMMAND
        )
        assert await said(proxy.socks, five + write(Command.CONNECT, gone)) == b"\x05\x00" + reply(
            5, Code.REFUSED
        )
        assert await said(proxy.socks, b"GET / HTTP/1.1\r\n\r\n") == b""
        assert await said(proxy.socks, b"\x05\x01") == b""  # it hung up
        assert b" 502 " in await said(proxy.web, f"CONNECT {gone} HTTP/1.1\r\n\r\n".encode())
        assert b" 405 " in await said(proxy.web, b"GET / HTTP/1.1\r\n\r\n")


async def test_without_an_exit_a_program_hears_so_and_the_port_stays_open(short_tmp: Path) -> None:
    request = b"\x05\x01\x00" + write(Command.CONNECT, Destination("127.0.0.1", 9))
    async with proxied(short_tmp, client=f"--exit-port {free_port()}") as proxy:
        for _ in range(2):
            assert await said(proxy.socks, request) == b"\x05\x00" + reply(5, Code.REFUSED)
        udp = b"\x05\x01\x00" + write(Command.UDP, NOWHERE)
        assert await said(proxy.socks, udp, end=False) == b"\x05\x00" + reply(5, Code.REFUSED)
        assert b" 502 " in await said(proxy.web, b"CONNECT example.org:80 HTTP/1.1\r\n\r\n")


async def test_an_exit_that_takes_a_program_and_says_nothing_is_left(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "REPLY_S", 0.3)
    async with (
        proxied(short_tmp, client="--exit-port 77") as proxy,
        App.connect(str(proxy.nodes[1].options.app_socket)) as app,
        app.listen(77),
    ):
        host, _, port = proxy.socks.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"\x05\x01\x00" + write(Command.CONNECT, Destination("127.0.0.1", 9)))
        assert await reader.readexactly(2) == b"\x05\x00"
        async with asyncio.timeout(20):
            with pytest.raises(ConnectionError):
                await reader.read()
        writer.close()
        await until(lambda: not proxy.client.ledger.open)


async def test_a_connection_that_was_replied_to_lives_as_long_as_it_likes(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "REPLY_S", 0.05)
    replied, looked = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await looked.wait()
        writer.write(b"late")
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as server, proxied(short_tmp) as proxy:
        real = proxy.client.exits.visor.refresh

        async def refresh() -> None:
            await replied.wait()
            await real()
            asyncio.get_running_loop().call_soon(looked.set)

        monkeypatch.setattr(proxy.client.exits.visor, "refresh", refresh)
        target = Destination("127.0.0.1", server.sockets[0].getsockname()[1])
        host, _, port = proxy.socks.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"\x05\x01\x00" + write(Command.CONNECT, target))
        await reader.readexactly(2 + 10)
        replied.set()
        async with asyncio.timeout(20):
            assert await reader.read() == b"late"
        writer.close()


async def test_the_second_exit_is_used_when_the_first_is_not_there(short_tmp: Path) -> None:
    async with web() as place, proxied(short_tmp) as proxy:
        near, far = (node.key.hex() for node in proxy.nodes)
        proxy.client.exits.keys = (near, far)  # nobody listens on the first
        assert await curl("-x", f"socks5://{proxy.socks}", f"http://{place}/") == (0, PAGE, "")


async def test_a_password_is_asked_for_when_there_is_one(short_tmp: Path) -> None:
    login = short_tmp / "login"
    login.write_text("mike:secret")
    async with web() as place, proxied(short_tmp, client=f"--login {login}") as proxy:
        url = f"http://{place}/"
        assert await curl("-x", f"socks5://mike:secret@{proxy.socks}", url) == (0, PAGE, "")
        assert await curl("-p", "-x", f"http://mike:secret@{proxy.web}", url) == (0, PAGE, "")
        assert (await curl("-x", f"socks5://mike:wrong@{proxy.socks}", url))[1] == b""
        assert (await curl("-x", f"socks4://{proxy.socks}", url))[1] == b""
        assert "407" in (await curl("-p", "-x", f"http://{proxy.web}", url))[2]


async def test_a_program_that_says_nothing_is_hung_up_on(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entering, "REQUEST_S", 0.05)
    async with proxied(short_tmp) as proxy:
        assert await said(proxy.socks, b"\x05", end=False) == b""
        assert await said(proxy.web, b"CONNECT", end=False) == b""
        await until(lambda: proxy.client.ledger.refused == 2)
