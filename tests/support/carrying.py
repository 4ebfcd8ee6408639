"""A stream between two apps, its bytes counted, summed and watched for standing still."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from components.visor.app import App, Stream

BLOCK: Final = 1 << 18
MIB: Final = 1 << 20


@dataclass(frozen=True)
class Carried:
    """What came: all of it, with the sum of what was sent."""

    size: int
    seconds: float
    stall_s: float  # the longest time in which nothing came

    def __str__(self) -> str:
        rate = self.size / MIB / self.seconds
        return f"{self.size // MIB} MiB, {rate:.0f} MiB/s, longest stall {self.stall_s * 1000:.0f} ms"


async def carry(
    near: App,
    far: App,
    size: int,
    *,
    port: int = 7,
    seen: Callable[[int], None] = lambda got: None,
    **dial: Any,  # Any: the options of `App.dial`
) -> Carried:
    """Send `size` bytes from an app to another; the SHA-256 at both ends is the same.

    `seen` hears how many bytes came, after each read.
    """
    clock = asyncio.get_running_loop().time
    async with (
        asyncio.timeout(600),
        asyncio.TaskGroup() as tasks,
        far.listen(port) as incoming,
        await near.dial(far.key, port, **dial) as stream,
        await incoming.accept() as taken,
    ):
        begun = last = clock()
        sending = tasks.create_task(_send(stream, size))
        digest, got, stall = hashlib.sha256(), 0, 0.0
        while data := await taken.read(BLOCK):
            now = clock()
            stall, last = max(stall, now - last), now
            digest.update(data)
            got += len(data)
            seen(got)
        assert got == size
        assert digest.digest() == await sending
        return Carried(size, clock() - begun, stall)


async def _send(stream: Stream, size: int) -> bytes:
    digest = hashlib.sha256()
    for block in _blocks(size):
        digest.update(block)
        stream.write(block)
        await stream.drain()
    stream.write_eof()
    return digest.digest()


def _blocks(size: int) -> Iterator[bytes]:
    """Blocks of which no two are the same."""
    chance = os.urandom(BLOCK)
    for count in range(-(-size // BLOCK)):
        head = count.to_bytes(8, "big")
        yield (head + chance[8:])[: size - count * BLOCK]
