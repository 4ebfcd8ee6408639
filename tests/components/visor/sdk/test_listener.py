"""A listener's queues: bounds, ends, and who hears of them."""

import asyncio
import socket

import pytest

from components.visor.apps.messages import Datagram
from components.visor.sdk.errors import Misuse, PortTaken, VisorGone
from components.visor.sdk.listener import Listener
from components.visor.sdk.stream import Stream
from signal_bus.ids import PublicKey
from tests.support.silent_visor import SilentVisor

KEY = PublicKey(bytes(32))


class Ports(SilentVisor):
    def __init__(self, *, taken: bool = False) -> None:
        self.taken = taken
        self.released = 0

    async def claim(self, listener: Listener, port: int) -> int:
        if self.taken:
            raise PortTaken("port-taken", "it is")
        return port or 50_000

    async def release(self, listener: Listener) -> None:
        self.released += 1


def stream_of(ports: Ports) -> tuple[Stream, socket.socket]:
    ours, theirs = socket.socketpair()
    return Stream(ports, ours, id=1, peer=KEY, port=7, rport=8), theirs


async def test_a_stream_too_many_is_closed_and_the_others_wait() -> None:
    ports = Ports()
    listener = await Listener(ports, 7, backlog=1)
    first, peer = stream_of(ports)
    second, other = stream_of(ports)
    listener.came(first)
    listener.came(second)
    assert second.is_closing()
    assert await listener.accept() is first
    first.close()
    for sock in (peer, other):
        sock.close()


async def test_of_messages_the_oldest_is_dropped() -> None:
    listener = Listener(Ports(), 7, backlog=2)
    for number in range(4):
        listener.message(Datagram(7, KEY, 1, bytes([number])))
    assert [(await listener.receive()).data for _ in range(2)] == [b"\2", b"\3"]


async def test_a_closed_listener_ends_its_iteration_and_closes_what_waits() -> None:
    ports = Ports()
    async with Listener(ports, 0) as listener:
        assert listener.port == 50_000
        waiting, peer = stream_of(ports)

        async def close_soon() -> None:
            await asyncio.sleep(0)
            await listener.close()

        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(close_soon())
            assert [stream async for stream in listener] == []
    listener.came(waiting)
    assert waiting.is_closing()
    assert ports.released == 1
    with pytest.raises(Misuse, match="was closed"):
        await listener.accept()
    peer.close()


async def test_what_waits_is_closed_with_it() -> None:
    ports = Ports()
    listener = await Listener(ports, 7)
    waiting, peer = stream_of(ports)
    listener.came(waiting)
    await listener.close()
    assert waiting.is_closing()
    peer.close()


async def test_the_end_of_the_visor_is_an_error_for_who_waits() -> None:
    listener = await Listener(Ports(), 7)
    listener.end("the visor is gone")
    with pytest.raises(VisorGone):
        await anext(aiter(listener))


async def test_a_port_that_was_refused_may_be_asked_for_again() -> None:
    ports = Ports(taken=True)
    listener = Listener(ports, 7)
    with pytest.raises(PortTaken):
        await listener
    ports.taken = False
    await listener
    await listener.close()
    unasked = Listener(ports, 8)
    await unasked.close()
    assert ports.released == 1
