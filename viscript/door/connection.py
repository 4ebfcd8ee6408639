"""One client's socket: lines in, answers out. A slow reader makes only its own writes wait."""

import asyncio
import contextlib
import socket
import struct
from typing import Final

from viscript.door.protocol import LINE_MAX, line
from viscript.render.writer import ReaderGoneError

WRITE_HIGH: Final = 256 * 1024  # bytes that may wait for a slow reader before its verb does
_CREDENTIALS: Final = struct.Struct("3i")
_CLOSE_S: Final = 0.5


class LineTooLong(Exception):
    """A line of the client is longer than its connection takes."""


class Connection:
    """Reads lines and chunks, writes answers. One task reads; any may write."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, longest: int = LINE_MAX
    ) -> None:
        self.longest = longest  # line, in bytes
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=WRITE_HIGH)

    @classmethod
    async def of(cls, sock: socket.socket, *, longest: int = LINE_MAX) -> "Connection":
        """Take over an accepted socket."""
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=longest)
        return cls(reader, writer, longest=longest)

    async def line(self) -> bytes | None:
        """The next line; None when the client is gone. Raises `LineTooLong`."""
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as exc:
            raise LineTooLong from exc
        except OSError:
            return None

    async def chunk(self) -> bytes:
        """The next bytes; empty when the client is gone."""
        try:
            return await self._reader.read(64 * 1024)
        except OSError:
            return b""

    async def send(self, data: bytes) -> None:
        """Write; wait while the client is slow. Raises `ReaderGoneError`, an `OSError`, when it is gone."""
        if self._writer.is_closing():
            raise ReaderGoneError("the client is gone")
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError as exc:
            raise ReaderGoneError("the client is gone") from exc

    async def greet(self) -> None:
        """Say at once that somebody is here. Raises as `send`."""
        await self.send(line({"k": 1}))

    async def out(self, text: str) -> None:
        """Text for the client's stdout."""
        if text:
            await self.send(line({"o": text}))

    async def err(self, text: str) -> None:
        """Text for the client's stderr."""
        if text:
            await self.send(line({"e": text}))

    async def close(self) -> None:
        """Say that no more comes, let the client finish what it is sending, and hang up.

        Without that, one that was turned away or sent too much would see a broken pipe, not the reason.
        """
        try:
            async with asyncio.timeout(_CLOSE_S):
                self._writer.write_eof()
                while await self.chunk():
                    pass
                self._writer.close()
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()


def may_enter(sock: socket.socket, uid: int) -> bool:
    """Whether the process at the other end runs as `uid` or root; the folder's mode decides where unknown."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    with contextlib.suppress(OSError):
        _pid, peer, _gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
        return bool(peer in (uid, 0))
    return False
