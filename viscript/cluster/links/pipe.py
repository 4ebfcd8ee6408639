"""A stream carried on by a socket, so that what speaks to sockets works far away as it does here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from viscript.cluster.links.api import Caller, Handler, HostAway, Stream, StreamRefused
from viscript.verbs.table import Role

log = logging.getLogger(__name__)

CHUNK: Final = 64 * 1024


async def carry(stream: Stream, sock: socket.socket, *, served: bool = False) -> None:
    """Bytes both ways until both ends have said their last; closes both.

    What is `served` is over as soon as the near end has said its last.
    """
    sock.setblocking(False)
    try:
        async with asyncio.TaskGroup() as group:
            inward = group.create_task(_inward(stream, sock))
            if not await _outward(stream, sock) or served:
                await stream.close()
                inward.cancel()
            stream.end()
        await stream.close()
    finally:
        sock.close()


async def _inward(stream: Stream, sock: socket.socket) -> None:
    """From the stream into the socket; the way breaking is an end as well, and what it was is logged."""
    loop = asyncio.get_running_loop()
    try:
        while data := await stream.read():
            await loop.sock_sendall(sock, data)
    except (HostAway, StreamRefused) as exc:
        log.debug("a stream ended: %s", exc)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    except OSError as exc:
        log.debug("the near end left: %s", exc)
    else:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)


async def _outward(stream: Stream, sock: socket.socket) -> bool:
    """From the socket into the stream; whether it came to its end."""
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(sock, CHUNK):
            await stream.write(data)
    except (OSError, HostAway, StreamRefused) as exc:
        log.debug("a stream ended: %s", exc)
        return False
    return True


def by_door(serve: Callable[..., Awaitable[None]]) -> Handler:
    """Serve streams of the kind "door" by `Door.serve(sock, actor=, role=)`."""

    async def handle(stream: Stream, caller: Caller) -> None:
        near, far = socket.socketpair()
        async with asyncio.TaskGroup() as group:
            group.create_task(carry(stream, near, served=True))
            await serve(far, actor=caller.key.hex(), role=Role(caller.role))

    return handle
