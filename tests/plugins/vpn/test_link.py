"""One stream between client and exit, over socketpairs."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import pytest

from components.visor.app import Stream
from plugins.vpn import link
from plugins.vpn.link import Link, hello
from plugins.vpn.names import Asked
from plugins.vpn.tun import Tun
from plugins.vpn.wire import Hello, Kind, Lease, Refused, VpnWireError, frame, said

ASKED = Asked(7, False, bytes(20))


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[Link, Link, list[Asked]]]:
    """Two links that talk to each other; what each was asked is in one list."""
    asked: list[Asked] = []
    devices = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    streams = socket.socketpair()
    made = []
    for (near, _), stream in zip(devices, streams, strict=True):
        near.setblocking(False)
        stream.setblocking(False)
        tun = cast(Tun, SimpleNamespace(descriptor=near.fileno()))
        made.append(Link(tun, stream, b"", asked.append))
    try:
        yield made[0], made[1], asked
    finally:
        for one in made:
            one.end("over")
        for pair in devices:
            for sock in pair:
                sock.close()


async def until(probe: object) -> None:
    async with asyncio.timeout(10):
        while not probe():  # type: ignore[operator]  # a lambda
            await asyncio.sleep(0.005)


async def test_signs_of_life_are_answered_and_timed() -> None:
    async with linked() as (near, far, _), asyncio.TaskGroup() as group:
        running = [group.create_task(one.run()) for one in (near, far)]
        await until(lambda: near.rtt_s is not None and far.rtt_s is not None)
        near.end("enough")
        assert await running[0] == "enough"
        assert await running[1] == "the other end closed the stream"
        assert near.count.sent > 0


async def test_a_silent_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PING_S", 0.02)
    monkeypatch.setattr(link, "SILENT_S", 0.1)
    near, far = socket.socketpair()
    near.setblocking(False)
    device, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    device.setblocking(False)
    made = Link(cast(Tun, SimpleNamespace(descriptor=device.fileno())), near, b"", lambda asked: None)
    assert "nothing was heard for 0 s" in await made.run()
    for sock in (far, device, other):
        sock.close()


async def test_questions_and_answers_cross() -> None:
    async with linked() as (near, far, asked):
        assert near.ask(ASKED)
        assert far.ask(ASKED, Kind.ANSWER)
        await until(lambda: len(asked) == 2)
        assert asked == [ASKED, ASKED]


async def test_first_words_come_first_only() -> None:
    async with linked() as (near, far, _):
        near._pump.say(Kind.HELLO, b"")
        assert "a hello in the middle" in await far.run()


class Exit:
    """A stream at whose far end this is said."""

    def __init__(self, data: bytes) -> None:
        self.reader = asyncio.StreamReader()
        self.reader.feed_data(data)
        self.reader.feed_eof()
        self.written = b""
        self.readexactly = self.reader.readexactly

    def write(self, data: bytes) -> None:
        self.written += data


async def answered(data: bytes) -> Lease | Refused:
    exit_ = Exit(data)
    answer = await hello(cast(Stream, exit_), Hello(uso=True))
    assert exit_.written == said(Hello(uso=True))
    return answer


async def test_a_client_is_given_a_lease_or_a_reason() -> None:
    lease = Lease("10.44.0.7", "10.44.0.1")
    assert await answered(said(lease)) == lease
    assert await answered(said(Refused("full"))) == Refused("full")


async def test_what_is_neither_is_an_error() -> None:
    with pytest.raises(VpnWireError, match="a ping instead of a lease"):
        await answered(frame(Kind.PING, bytes(8)))
    with pytest.raises(VpnWireError, match="without addresses"):
        await answered(said(Lease("nowhere", "10.0.0.1")))
    with pytest.raises(EOFError):
        await answered(said(Lease("10.44.0.7", "10.44.0.1"))[:-1])
