"""Messages and descriptors over a socket pair: in step, bounded, and nothing left open."""

import array
import asyncio
import os
import socket
from collections.abc import AsyncIterator

import psutil
import pytest

from components.mesh.errors import CallerError
from components.visor.apps import codec
from components.visor.apps.channel import Channel
from components.visor.apps.codec import encode
from components.visor.apps.limits import MAX_OWED, MAX_WAITING
from components.visor.apps.messages import Describe, Dial, FromApp, Send

KEY = bytes(range(32))


class Side:
    """A channel that notes what comes."""

    def __init__(self, sock: socket.socket) -> None:
        self.got: list[tuple[FromApp, int | None]] = []
        self.why: list[str] = []
        self.changed = asyncio.Event()
        self.channel: Channel[FromApp] = Channel(
            asyncio.get_running_loop(), sock, codec.of_app, self._take, self._ended
        )

    def _take(self, message: FromApp, descriptor: int | None) -> None:
        self.got.append((message, descriptor))
        self.changed.set()

    def _ended(self, why: str) -> None:
        self.why.append(why)
        self.changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.got) < count and not self.why:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def ends() -> AsyncIterator[tuple[socket.socket, Side]]:
    before = psutil.Process().num_fds()
    ours, theirs = socket.socketpair()
    side = Side(theirs)
    yield ours, side
    side.channel.close()
    ours.close()
    for _, descriptor in side.got:
        if descriptor is not None:
            os.close(descriptor)
    assert psutil.Process().num_fds() == before


async def test_a_descriptor_comes_with_its_message(ends: tuple[socket.socket, Side]) -> None:
    ours, side = ends
    peer = Side(ours)
    one, other = socket.socketpair()
    assert peer.channel.send(Describe(1))
    assert peer.channel.send(Dial(2, KEY, 3, fd=True), one)
    assert peer.channel.send(Describe(3))
    await side.until(3)
    assert [message.id for message, _ in side.got] == [1, 2, 3]
    assert [descriptor is not None for _, descriptor in side.got] == [False, True, False]
    assert one.fileno() == -1
    assert not os.get_inheritable(side.got[1][1] or 0)
    peer.channel.close()
    other.close()


async def test_what_does_not_fit_waits_in_order_and_the_rest_is_not_taken(
    ends: tuple[socket.socket, Side],
) -> None:
    ours, side = ends
    peer = Side(ours)
    message = Send(1, KEY, 3, bytes(32_000))
    taken = 0
    while peer.channel.send(message):
        taken += 1
    one, other = socket.socketpair()
    assert not peer.channel.send(Dial(2, KEY, 3, fd=True), one)
    assert one.fileno() == -1
    assert peer.channel.send(Dial(3, KEY, 3, fd=True), other, owed=True)
    await side.until(taken + 1)
    assert len(side.got) == taken + 1
    assert side.got[-1][1] is not None
    peer.channel.close()


async def test_small_messages_are_bounded_by_number(ends: tuple[socket.socket, Side]) -> None:
    ours, _ = ends
    peer = Side(ours)
    while peer.channel.send(Describe(1)):
        pass
    owed = 0
    while peer.channel.send(Describe(2), owed=True):
        owed += 1
    assert owed == MAX_OWED - MAX_WAITING
    peer.channel.close()


async def test_a_message_without_its_descriptor_is_a_fault(ends: tuple[socket.socket, Side]) -> None:
    ours, side = ends
    ours.send(encode(Dial(1, KEY, 3, fd=True)))
    await side.until(1)
    assert side.got == []
    assert "none came with it" in side.why[0]


async def test_descriptors_that_nobody_claims_are_a_fault(ends: tuple[socket.socket, Side]) -> None:
    ours, side = ends
    for number in range(17):
        socket.send_fds(ours, [encode(Describe(number))], [ours.fileno()])
    await side.until(99)
    assert "no message speaks of" in side.why[0]


async def test_too_many_descriptors_at_once_are_a_fault(ends: tuple[socket.socket, Side]) -> None:
    ours, side = ends
    many = array.array("i", [ours.fileno()] * 40)
    ours.sendmsg([encode(Describe(1))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, many)])
    await side.until(1)
    assert "more than 16 descriptors" in side.why[0]


async def test_bytes_that_are_no_message_end_it(ends: tuple[socket.socket, Side]) -> None:
    ours, side = ends
    ours.send(b"\0\0\0\1\xc1")
    await side.until(1)
    assert "broke the rules" in side.why[0]
    assert not side.channel.send(Describe(1))
    assert not side.channel.receive()


async def test_the_end_is_told_once(ends: tuple[socket.socket, Side]) -> None:
    ours, side = ends
    ours.close()
    await side.until(1)
    assert side.why == ["the connection was closed"]
    side.channel.end("again")
    assert len(side.why) == 1


async def test_a_peer_that_is_gone_is_told_by_the_loop_and_not_inside_send(
    ends: tuple[socket.socket, Side],
) -> None:
    ours, side = ends
    ours.close()
    one, other = socket.socketpair()
    assert side.channel.send(Describe(1), one)
    other.close()
    assert side.why == []
    await side.until(1)
    assert len(side.why) == 1


async def test_a_broken_connection_is_told(ends: tuple[socket.socket, Side]) -> None:
    ours, side = ends
    side.channel.send(Describe(1))  # unread over there: closing now is a reset
    ours.close()
    await side.until(1)
    assert side.why[0].startswith("the connection broke")


async def test_a_message_that_cannot_be_said_keeps_no_descriptor(ends: tuple[socket.socket, Side]) -> None:
    _, side = ends
    one, other = socket.socketpair()
    with other:
        with pytest.raises(CallerError, match="no Unicode"):
            side.channel.send(Dial(1, KEY, 5, group="\ud800", fd=True), one)
        assert one.fileno() == -1
