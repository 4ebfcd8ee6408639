"""Copying between a stream of the mesh and a TCP socket, both ways, each end passed on by itself.

At the client the visor carries the socket by itself where it can: see `carry`. An exit copies: a target
that breaks has to break the program's connection too, and the visor would tell it as an end.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Final

from components.visor.app import Misuse, Stream, StreamReset
from components.visor.kit.tasks import cause_of

CHUNK: Final = 256 * 1024
BROKEN: Final = 256  # the code a peer gets when the connection behind the stream broke
Count = Callable[[int], None]
_RESET: Final = struct.pack("ii", 1, 0)


async def carry(
    stream: Stream, sock: socket.socket, incoming: Count, outgoing: Count, first: bytes = b""
) -> None:
    """Have the visor carry `sock` in the stream's place, or copy where it cannot: to the end of both.

    `first` goes to `sock` before all else. What the visor carried is told at the end, for the whole stream.
    """
    if first:
        await asyncio.get_running_loop().sock_sendall(sock, first)
        incoming(len(first))
    try:
        handed = await stream.hand_over(sock.dup())
    except Misuse:  # a visor on another host, or an exit that is an app of the same one
        await exchange(stream, sock, incoming, outgoing)
        return
    sock.close()  # or its end could not be told
    sent, received = await handed.wait()
    outgoing(sent)
    incoming(received)


async def exchange(stream: Stream, sock: socket.socket, incoming: Count, outgoing: Count) -> None:
    """Copy until both ends have ended or one broke; a break is passed on as a break.

    The bytes from the stream and to it are told as they go.
    """
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_to_socket(stream, sock, incoming))
            both.create_task(_to_stream(stream, sock, outgoing))
    except BaseExceptionGroup as group:
        exc = cause_of(group)
        if isinstance(exc, StreamReset):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif isinstance(exc, OSError):
            await stream.abort(BROKEN)
        else:
            raise exc from None


async def _to_socket(stream: Stream, sock: socket.socket, count: Count) -> None:
    loop = asyncio.get_running_loop()
    while data := await stream.read(CHUNK):
        await loop.sock_sendall(sock, data)
        count(len(data))
    sock.shutdown(socket.SHUT_WR)


async def _to_stream(stream: Stream, sock: socket.socket, count: Count) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(sock, CHUNK):
        stream.write(data)
        count(len(data))
        await stream.drain()
    stream.write_eof()
