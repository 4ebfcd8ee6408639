"""Copying between a stream of the mesh and a TCP socket, both ways, each end passed on by itself.

Where the visor can carry a socket by itself this is not used: see `App.hand_over`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, Final

from components.visor.app import Stream, StreamReset

CHUNK: Final = 256 * 1024
BROKEN: Final = 256  # the code a peer gets when the connection behind the stream broke
Count = Callable[[int], None]
_RESET: Final = struct.pack("ii", 1, 0)


async def exchange(
    stream: Stream, sock: socket.socket, incoming: Count, outgoing: Count, first: bytes = b""
) -> None:
    """Copy until both ends have ended or one broke; a break is passed on as a break.

    `first` goes to `sock` before all else. The bytes from the stream and to it are told as they go.
    """
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_to_socket(stream, sock, incoming, first))
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


async def first_of(*works: Coroutine[Any, Any, None]) -> None:  # Any: as Coroutine has it
    """Run all until one of them ends, and end the others. Raises what that one raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as raised:
        raise cause_of(raised) from None


def cause_of(raised: BaseException) -> BaseException:
    """The first error in a group, and in the groups of it."""
    while isinstance(raised, BaseExceptionGroup):
        raised = raised.exceptions[0]
    return raised


async def _to_socket(stream: Stream, sock: socket.socket, count: Count, first: bytes) -> None:
    loop = asyncio.get_running_loop()
    data = first or await stream.read(CHUNK)
    while data:
        await loop.sock_sendall(sock, data)
        count(len(data))
        data = await stream.read(CHUNK)
    sock.shutdown(socket.SHUT_WR)


async def _to_stream(stream: Stream, sock: socket.socket, count: Count) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(sock, CHUNK):
        stream.write(data)
        count(len(data))
        await stream.drain()
    stream.write_eof()
