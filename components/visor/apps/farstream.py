"""One stream of a remote app: the bytes of a local socket as records of a session of its own, both ways.

offset  size  field
0       1     kind: 0 data, 1 the end of this direction, 2 the stream is broken
1       n     data; or, when it is broken, the code as u32 big endian

A connection that goes without an end of both directions is a break too: half a file never looks like a whole.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from components.mesh.errors import MeshError, WireError
from components.mesh.record import OVERHEAD_BYTES, RecordReader
from components.mesh.session import Session
from components.visor.plane.streams.api import Code

READ_BYTES: Final = 64 * 1024


class Kind(IntEnum):
    """What a record is."""

    DATA = 0
    END = 1
    BROKEN = 2


@dataclass(frozen=True)
class Ends:
    """Who knows and who hears of a stream's ends.

    `code` is asked when the local socket ends: None for an end, else why it is none. `broke` is told of a
    break before the local socket ends, so that nobody takes it for one.
    """

    code: Callable[[], int | None]
    broke: Callable[[int], Awaitable[None]]


async def carry(session: Session, sock: socket.socket, ends: Ends) -> None:
    """Copy until both sides have ended, or it broke. Closes both."""
    sock.setblocking(False)
    with sock, session.socket:
        async with asyncio.TaskGroup() as both:
            for work in (_Out(ends.code).run, _inwards):
                both.create_task(_half(work, session, sock, ends))


Half = Callable[[Session, socket.socket], Awaitable[int | None]]


async def _half(work: Half, session: Session, sock: socket.socket, ends: Ends) -> None:
    """One direction; a break of it wakes the other."""
    try:
        broken = await work(session, sock)
    except (OSError, MeshError):
        broken = int(Code.CLOSED)
    if broken is not None:
        await ends.broke(broken)
        for each in (session.socket, sock):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class _Out:
    """From the local socket to the session."""

    def __init__(self, code: Callable[[], int | None]) -> None:
        self._code = code
        self._plain = memoryview(bytearray(1 + READ_BYTES))
        self._sealed = memoryview(bytearray(1 + READ_BYTES + OVERHEAD_BYTES))

    async def run(self, session: Session, sock: socket.socket) -> int | None:
        """Until the local end: None, or its code."""
        loop = asyncio.get_running_loop()
        while count := await _received(sock, self._plain[1:]):
            await self._send(session, Kind.DATA, count)
        code = self._code()
        if code is None:
            await self._send(session, Kind.END, 0)
            return None
        self._plain[1:5] = code.to_bytes(4, "big")
        async with asyncio.timeout_at(loop.time() + 1):  # whoever reads nothing learns it by the break
            await self._send(session, Kind.BROKEN, 4)
        return code

    async def _send(self, session: Session, kind: Kind, count: int) -> None:
        loop = asyncio.get_running_loop()
        self._plain[0] = kind
        session.sealer.tick(loop.time())
        size = session.sealer.seal(self._plain[: 1 + count], self._sealed)
        await loop.sock_sendall(session.socket, self._sealed[:size])


async def _received(sock: socket.socket, into: memoryview) -> int:
    """Bytes of the local socket; a broken one has ended, and why is asked for elsewhere."""
    try:
        return await asyncio.get_running_loop().sock_recv_into(sock, into)
    except OSError:
        return 0


async def _inwards(session: Session, sock: socket.socket) -> int | None:
    loop = asyncio.get_running_loop()
    reader = RecordReader(session.opener, largest=1 + READ_BYTES)
    reader.feed(session.leftover)
    while True:
        while (plain := reader.next()) is not None:
            kind, data = plain[0], plain[1:]
            if kind == Kind.DATA and data:
                await loop.sock_sendall(sock, data)
            elif kind == Kind.END and not data:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)
                return None
            elif kind == Kind.BROKEN and len(data) == 4:
                return int.from_bytes(data, "big")
            else:
                raise WireError(f"a record of kind {kind} with {len(data)} bytes")
        count = await loop.sock_recv_into(session.socket, reader.room())
        if not count:
            return int(Code.CLOSED)
        reader.filled(count)
