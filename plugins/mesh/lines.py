"""`python -P -m plugins.mesh.lines`: sends numbered lines to its like on another node, and counts them.

The demo uses it. Over the bus, `begin` sends a line each few milliseconds, which the other one sends back,
until `end` tells how it went.
"""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from components.visor.app import App, AppError, Stream, parse_key
from components.visor.kit import process
from components.visor.kit.kept import KeptVisor
from components.visor.kit.words import parser
from signal_bus.client import RemoteError

PORT: Final = 700
EACH_S: Final = 0.002
LINES_MOST: Final = 100_000
LAST_S: Final = 10.0  # for what is still under way at the end


@dataclass
class Flow:
    """Numbered lines that go out and come back."""

    sent: int = 0
    back: int = 0
    doubled: int = 0  # or out of order
    gap_s: float = 0.0  # the longest in which nothing came
    last_at: float = 0.0

    def came(self, number: int, now: float) -> None:
        """A line is back."""
        if number != self.back:
            self.doubled += 1
        self.back += 1
        self.gap_s = max(self.gap_s, now - self.last_at)
        self.last_at = now

    def told(self) -> dict[str, Any]:  # Any: numbers of several types
        """The figures."""
        return {
            "sent": self.sent,
            "lost": self.sent - self.back,
            "doubled": self.doubled,
            "longest_gap_seconds": self.gap_s,
        }


class Lines:
    """One end; the same program is the other."""

    def __init__(self, given: Namespace) -> None:
        self._visor = KeptVisor(lambda: App.connect(given.visor, name=given.name), given.port, sent_back)
        self._port: int = given.port
        self._flow: Flow | None = None
        self._ending = asyncio.Event()
        self._streams: asyncio.Queue[Stream] = asyncio.Queue(1)
        self._over = asyncio.Event()

    async def run(self, ready: process.Ready) -> None:
        """Answer whoever calls, for ever. Raises `AppError` when there is no visor at the start."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._visor.run(lambda app: ready({"key": app.key.hex()})))
            tasks.create_task(self._flows())

    @property
    def methods(self) -> Sequence[Callable[..., object]]:
        """What is answered over the bus besides `status`."""
        return (self.begin, self.end)

    def status(self) -> dict[str, Any]:  # Any: as above
        """How the lines go, if some do."""
        return {} if self._flow is None else self._flow.told()

    # -- asked

    async def begin(self, peer: str) -> dict[str, Any]:  # Any: as above
        """Lines go to this peer from now on. Raises `RemoteError` when some go already, or none can."""
        if self._flow is not None:
            raise RemoteError("busy", "lines go already; end them first")
        self._flow = flow = Flow()
        try:
            stream = await (await self._visor.app()).dial(parse_key(peer), self._port)
        except (AppError, TimeoutError) as exc:
            self._flow = None
            raise RemoteError("unreachable", str(exc) or "no visor") from exc
        flow.last_at = time.monotonic()
        self._ending.clear()
        self._over.clear()
        self._streams.put_nowait(stream)
        return flow.told()

    async def end(self) -> dict[str, Any]:  # Any: as above
        """No more lines: what came back, and the longest silence. Raises `RemoteError` when none go."""
        if self._flow is None:
            raise RemoteError("not-found", "no lines go; begin first")
        self._ending.set()
        with suppress(TimeoutError):  # what is not back by then is lost
            async with asyncio.timeout(LAST_S):
                await self._over.wait()
        flow, self._flow = self._flow, None
        return flow.told()

    # -- lines

    async def _flows(self) -> None:
        while True:
            stream = await self._streams.get()
            flow = self._flow or Flow()
            with suppress(AppError, ExceptionGroup):  # a stream that broke: the figures tell
                async with stream, asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._send(stream, flow))
                    tasks.create_task(_come_back(stream, flow))
            self._over.set()

    async def _send(self, stream: Stream, flow: Flow) -> None:
        while not self._ending.is_set() and flow.sent < LINES_MOST:
            stream.write(b"%d\n" % flow.sent)
            flow.sent += 1
            await stream.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(EACH_S):
                    await self._ending.wait()
        stream.write_eof()


async def sent_back(stream: Stream) -> None:
    """Each line, until the other side ends."""
    async with stream:
        async for line in stream:
            stream.write(line)
            await stream.drain()


async def _come_back(stream: Stream, flow: Flow) -> None:
    async for line in stream:
        flow.came(int(line), time.monotonic())


if __name__ == "__main__":
    given = parser("lines", "mesh port", PORT).parse_args(sys.argv[1:])
    sys.exit(process.main("lines", lambda: Lines(given)))
