"""Packets between a device (here a socketpair that keeps packets apart) and a stream."""

import asyncio
import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from plugins.vpn import pump
from plugins.vpn.pump import Count, Pump
from plugins.vpn.tun import Tun
from plugins.vpn.wire import Kind, frame, head


class Ends:
    """A pump, and the far ends of what it joins."""

    def __init__(self, rest: bytes = b"") -> None:
        self.device, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.stream, stream = socket.socketpair()
        for sock in (self.device, device, self.stream, stream):
            sock.setblocking(False)
        self.others: list[tuple[Kind, bytes]] = []
        self.over: list[str] = []
        self._held = device
        tun = cast(Tun, SimpleNamespace(descriptor=device.fileno()))
        self.pump = Pump(
            tun, stream, rest, other=lambda *other: self.others.append(other), over=self.over.append
        )

    def close(self) -> None:
        self.pump.close()
        for sock in (self.device, self.stream, self._held):
            sock.close()


@contextmanager
def ends(rest: bytes = b"") -> Iterator[Ends]:
    made = Ends(rest)
    try:
        yield made
    finally:
        made.close()


async def received(sock: socket.socket, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(10):
        while len(data) < size:
            more = await asyncio.get_running_loop().sock_recv(sock, size - len(data))
            assert more
            data += more
    return data


async def turns(until: Any = None) -> None:
    async with asyncio.timeout(10):
        while not until():
            await asyncio.sleep(0)


async def test_packets_become_frames_and_frames_packets() -> None:
    with ends() as both:
        for packet in (b"one", b"second"):
            both.device.send(packet)
        wanted = frame(Kind.PACKET, b"one") + frame(Kind.PACKET, b"second")
        assert await received(both.stream, len(wanted)) == wanted
        both.stream.send(wanted)
        assert await received(both.device, 3) == b"one"
        assert await received(both.device, 6) == b"second"
        assert (both.pump.count.sent, both.pump.count.received) == (len(wanted), len(wanted))


async def test_frames_arrive_whole_however_they_were_split() -> None:
    data = frame(Kind.PACKET, b"abcdef") + frame(Kind.PING, b"12345678") + frame(Kind.PACKET, b"x")
    for cut, second in itertools.combinations(range(len(data) + 1), 2):
        with ends(data[:cut]) as both:
            both.stream.send(data[cut:second] or b"") if second > cut else None
            await asyncio.sleep(0)
            if second < len(data):
                both.stream.send(data[second:])
            assert await received(both.device, 6) == b"abcdef"
            assert await received(both.device, 1) == b"x"
            assert both.others == [(Kind.PING, b"12345678")]


async def test_a_busy_stream_holds_packets_back_and_loses_none() -> None:
    with ends() as both:
        sent = 0
        async with asyncio.timeout(20):
            while sent < 400:
                try:
                    both.device.send(sent.to_bytes(4, "big") * 1000)
                    sent += 1
                except BlockingIOError:  # the stream is full, and so is the device
                    await asyncio.sleep(0)
                    if not both.pump.say(Kind.PING, b"12345678"):
                        break
                    if sent > 100:
                        break
        got = b""
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            while got.count(head(Kind.PACKET, 4000)) < sent or len(got) < sent * 4004:
                got += await asyncio.get_running_loop().sock_recv(both.stream, 1 << 20)
        numbers = [
            int.from_bytes(got[at + 4 : at + 8], "big") for at in _starts(got) if got[at] == Kind.PACKET
        ]
        assert numbers == list(range(sent))


def _starts(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        yield at
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")


async def test_what_waits_has_a_bound() -> None:
    with ends() as both:
        while both.pump.say(Kind.ANSWER, bytes(4096)):
            pass
        assert len(both.pump._waiting) <= pump._WAITING_MOST
        both.pump.close()
        assert not both.pump.say(Kind.PING, b"")


@pytest.mark.parametrize(
    "data, why",
    [
        (b"\x09\0\0\0", "broke the protocol: a frame of kind 9"),
        (b"\x04\xff\xff\xff", "broke the protocol: a ping of 16777215 bytes"),
    ],
)
async def test_a_peer_that_breaks_the_protocol_is_hung_up_on(data: bytes, why: str) -> None:
    with ends() as both:
        both.stream.send(data)
        await turns(lambda: both.over)
        assert why in both.over[0]
        assert len(both.over) == 1


async def test_an_end_is_told_once() -> None:
    with ends() as both:
        both.stream.close()
        await turns(lambda: both.over)
        both.pump.close()
        assert both.over == ["the other end closed the stream"]


async def test_a_packet_the_device_does_not_take_is_counted() -> None:
    with ends() as both:
        both.device.close()
        both.stream.send(frame(Kind.PACKET, b"x"))
        await turns(lambda: both.pump.count.dropped or both.over)


async def test_a_device_that_is_gone_ends_it() -> None:
    with ends() as both:
        both._held.shutdown(socket.SHUT_RDWR)
        both.device.close()
        await turns(lambda: both.over)


def test_counts_of_links_add_up() -> None:
    assert Count(1, 2, 3) + Count(10, 20, 30) == Count(11, 22, 33)
