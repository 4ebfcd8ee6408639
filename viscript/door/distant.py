"""A caller on another host: the same conversation as on a socket, on the stream between the hosts."""

from __future__ import annotations

import asyncio

from viscript.cluster.links.api import HostAway, Stream, StreamRefused
from viscript.door.connection import Connection, LineTooLong
from viscript.door.protocol import FAR_LINE_MAX
from viscript.render.writer import ReaderGoneError

_GONE = (HostAway, StreamRefused)


class DistantConnection(Connection):
    """Reads lines and chunks of a stream, writes answers. One task reads; any may write."""

    def __init__(self, stream: Stream) -> None:
        self.longest = FAR_LINE_MAX
        self._stream = stream
        self._rest = b""
        self._turn = asyncio.Lock()  # two that write must not mix their lines

    async def line(self) -> bytes | None:
        """The next line; None when the caller is gone. Raises `LineTooLong`."""
        while b"\n" not in self._rest:
            if len(self._rest) > self.longest:
                raise LineTooLong
            try:
                data = await self._stream.read()
            except _GONE:
                return None
            if not data:
                return None
            self._rest += data
        whole, _, self._rest = self._rest.partition(b"\n")
        if len(whole) > self.longest:
            raise LineTooLong
        return whole + b"\n"

    async def chunk(self) -> bytes:
        """The next bytes; empty when the caller is gone."""
        data, self._rest = self._rest, b""
        try:
            return data or await self._stream.read()
        except _GONE:
            return b""

    async def send(self, data: bytes) -> None:
        """Write; wait while the caller is slow. Raises `ReaderGoneError` when it is gone."""
        try:
            async with self._turn:
                await self._stream.write(data)
        except _GONE as exc:
            raise ReaderGoneError("the caller is gone") from exc

    async def greet(self) -> None:
        """Nothing: a host hears each second that this one is here, and a message less is a wake less."""

    async def close(self) -> None:
        """Hang up, once what was written has left."""
        await self._stream.close()
