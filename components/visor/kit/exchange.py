"""A TCP socket and a stream of the mesh made one: the visor carries the bytes, or they are copied here.

Each end is passed on by itself, and a break as a break: half a page never looks whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Final

from components.visor.app import AppError, Misuse, Stream, StreamReset
from components.visor.kit.tally import Tally
from components.visor.kit.tasks import cause_of

CHUNK: Final = 256 * 1024
BROKEN: Final = 256  # the code a peer gets when the connection behind the stream broke
_RESET: Final = struct.pack("ii", 1, 0)


async def carry(stream: Stream, sock: socket.socket, tally: Tally, first: bytes = b"") -> None:
    """Have the visor carry `sock` in the stream's place, or copy where it cannot: to the end of both.

    `first` came from the stream already and goes to `sock` before all else. Cancelled, it breaks both off.
    """
    if first:
        await asyncio.get_running_loop().sock_sendall(sock, first)
        tally.came(len(first))
    try:
        tally.handed = await stream.hand_over(sock.dup())
    except Misuse:  # a visor on another host, or a peer that is an app of the same one
        await exchange(stream, sock, tally)
        return
    sock.close()  # or its end could not be told
    try:
        await tally.handed.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(AppError):  # the visor is gone, and the stream with it
            await tally.handed.abort(BROKEN)
        raise


async def exchange(stream: Stream, sock: socket.socket, tally: Tally) -> None:
    """Copy until both ends have ended or one broke."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_to_socket(stream, sock, tally))
            both.create_task(_to_stream(stream, sock, tally))
    except BaseExceptionGroup as group:
        exc = cause_of(group)
        if isinstance(exc, StreamReset):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif isinstance(exc, OSError):
            await stream.abort(BROKEN)
        else:
            raise exc from None


async def _to_socket(stream: Stream, sock: socket.socket, tally: Tally) -> None:
    loop = asyncio.get_running_loop()
    while data := await stream.read(CHUNK):
        await loop.sock_sendall(sock, data)
        tally.came(len(data))
    sock.shutdown(socket.SHUT_WR)


async def _to_stream(stream: Stream, sock: socket.socket, tally: Tally) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(sock, CHUNK):
        stream.write(data)
        tally.went(len(data))
        await stream.drain()
    stream.write_eof()
