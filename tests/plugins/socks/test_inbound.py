"""UDP through a client: a program, its association, a resolver behind the exit."""

import asyncio
import socket
from pathlib import Path

import pytest

from plugins.socks import datagrams
from plugins.socks.datagrams import Datagram
from plugins.socks.destination import NOWHERE, Destination
from plugins.socks.inbound import plain
from plugins.socks.request import Code, Command, parse_reply, write
from tests.support.socks import Resolver, proxied

QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_question_to_a_resolver_is_answered(short_tmp: Path, name: str) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Resolver, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    async with proxied(short_tmp) as proxy:
        host, _, number = proxy.socks.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(number))
        writer.write(b"\x05\x01\x00" + write(Command.UDP, NOWHERE))
        assert await reader.readexactly(2) == b"\x05\x00"
        told = parse_reply(await reader.readexactly(10))
        assert told is not None
        assert told[0] is Code.DONE
        with socket.socket(type=socket.SOCK_DGRAM) as program:
            program.setblocking(False)
            program.connect(told[1])
            program.send(b"\x00\x00\x01rubbish is dropped")
            private = Datagram(Destination("224.0.0.1", 53), QUESTION)
            program.send(datagrams.for_program(private))  # refused at the exit, and nothing else is harmed
            program.send(datagrams.for_program(Datagram(Destination(name, port), QUESTION)))
            async with asyncio.timeout(10):
                answer = datagrams.of_program(await loop.sock_recv(program, 2000))
        assert answer is not None
        assert answer.place == Destination("127.0.0.1", port)
        assert answer.data.endswith(b"\xc0\x00\x02\x07")
        (row,) = (await proxy.server.status())["connections"]
        assert (row["path"], row["sent_bytes"]) == ("udp", len(QUESTION))
        writer.close()
        await writer.wait_closed()
    transport.close()


def test_an_address_of_ipv4_is_shown_as_one() -> None:
    assert plain("::ffff:127.0.0.1") == "127.0.0.1"
    assert plain("fe80::1%eth0") == "fe80::1"
