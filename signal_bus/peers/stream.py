"""A stream as a program uses it: read, write, end, close; every wait ends with the link at the latest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from signal_bus.peers.strand import CLOSED, Strand

FLUSH_S: Final = 5.0  # what was written may take this long to leave when the stream is closed


class Stream:
    """One task reads, one writes. The faults are those the strand ended with, made by `Mux` or `Link`."""

    def __init__(self, strand: Strand) -> None:
        self._strand = strand
        self._changed = asyncio.Event()
        strand.wake = self._changed.set

    @property
    def kind(self) -> str:
        """What it carries."""
        return self._strand.kind

    @property
    def meta(self) -> Mapping[str, str]:
        """What the opener said of it."""
        return self._strand.meta

    async def read(self) -> bytes:
        """The next bytes, as many as are there; empty at the end. Raises the fault it ended with."""
        strand = self._strand
        while True:
            data = strand.take()
            if data:
                return data
            if strand.fault is not None:
                raise strand.fault
            if strand.ended:
                return b""
            await self._wait()

    async def write(self, data: bytes) -> None:
        """Take bytes; waits while the other end does not read. Raises the fault it ended with."""
        strand, view = self._strand, memoryview(data)
        while True:
            if strand.over:
                raise strand.fault or BrokenPipeError("the stream is closed")
            view = view[strand.put(bytes(view[: strand.room])) :]
            if not view:
                return
            await self._wait()

    def end(self) -> None:
        """No more comes from here; reading goes on."""
        self._strand.leave()

    async def close(self, code: str = "", text: str = "") -> None:
        """Done with it, both ways: at once with a code, else when all that was written has left.

        The end itself leaves with the link's next turn, and is not waited for where nothing else is to leave.
        """
        strand = self._strand
        if code:
            strand.cut(code, text)
            return
        strand.leave(CLOSED)
        if strand.drained:
            return
        try:
            async with asyncio.timeout(FLUSH_S):
                while not strand.flushed:
                    await self._wait()
        except TimeoutError:
            strand.cut("unread", "what was written was not read")

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
