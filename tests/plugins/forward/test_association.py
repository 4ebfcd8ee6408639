"""Datagrams over one stream, with a stream and a program of the test's own."""

import asyncio
from typing import Any, cast

import pytest

from components.visor.app import NoAnswer, Stream
from components.visor.kit.tally import Tally
from plugins.forward.association import Association
from plugins.forward.packets import packed


class Wire:
    """A stream: what is to come, and what was written."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[bytes] = asyncio.Queue(10)
        self.written = b""

    async def read(self, n: int) -> bytes:
        return await self.coming.get()

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        return None


class Program:
    """Sends what it is told to, takes what comes unless it is deaf."""

    def __init__(self, *sends: bytes, deaf: bool = False) -> None:
        self.sends = list(sends)
        self.deaf = deaf
        self.got: list[bytes] = []

    async def receive(self) -> bytes:
        if not self.sends:
            await asyncio.Event().wait()
        return self.sends.pop(0)

    def send(self, data: bytes) -> None:
        if self.deaf:
            raise ConnectionRefusedError(111, "refused")
        self.got.append(data)


def joined(wire: Wire, program: Program, idle_s: float = 20.0) -> tuple[Association, Tally]:
    tally = Tally()
    return Association(cast(Stream, wire), program, tally, idle_s=idle_s), tally


async def test_both_ways_until_the_stream_ends() -> None:
    wire, program = Wire(), Program(b"one", b"")
    association, tally = joined(wire, program)
    for piece in (packed(b"three")[:3], packed(b"three")[3:] + packed(b"x" * 65_530), b""):
        wire.coming.put_nowait(piece)
    await association.run()
    assert wire.written.startswith(packed(b"one"))
    assert program.got == [b"three"]  # the other is longer than a datagram can be
    assert (tally.incoming, tally.outgoing >= 3) == (5, True)


async def test_silence_ends_it() -> None:
    association, _ = joined(Wire(), Program(b"one"), idle_s=0.05)
    async with asyncio.timeout(20):
        await association.run()


async def test_a_datagram_that_nobody_takes_is_lost_and_not_counted() -> None:
    wire = Wire()
    association, tally = joined(wire, Program(deaf=True))
    wire.coming.put_nowait(packed(b"one"))
    wire.coming.put_nowait(b"")
    await association.run()
    assert tally.incoming == 0


async def test_a_visor_that_is_too_slow_is_no_silence() -> None:
    class Slow(Wire):
        async def read(self, n: int) -> Any:
            raise NoAnswer("the visor did not answer")

    association, _ = joined(Slow(), Program())
    with pytest.raises(NoAnswer):
        await association.run()
