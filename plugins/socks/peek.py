"""Looking at what a program sent without taking it, so that the connection can be handed on as it is."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

MOST: Final = 16 * 1024
MOST_TAKEN: Final = 64


async def peek(sock: socket.socket, beyond: int = 0) -> bytes:
    """All that waits, as soon as that is more than `beyond` bytes. Raises `EOFError` when no more comes."""
    data = _there(sock)
    if not data and not beyond:
        data = await _waiting(sock)
    elif len(data) <= beyond:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, beyond + 1)  # or the loop would spin
        try:
            data = await _waiting(sock)
        finally:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    if len(data) <= beyond:
        raise EOFError("the program hung up before it had asked")
    return data


def take(sock: socket.socket, count: int) -> None:
    """Take so many of the bytes that were seen."""
    while count:
        count -= len(sock.recv(count))


def take_all(sock: socket.socket) -> None:
    """Take what is there now, up to a bound."""
    for _ in range(MOST_TAKEN):
        try:
            if not sock.recv(MOST):
                return
        except BlockingIOError:
            return


def _there(sock: socket.socket) -> bytes:
    """What waits now: most often a program has spoken by the time it is looked at."""
    try:
        return sock.recv(MOST, socket.MSG_PEEK)
    except BlockingIOError:
        return b""


async def _waiting(sock: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock.fileno(), _set, readable)
    try:
        await readable
    finally:
        loop.remove_reader(sock.fileno())
    return sock.recv(MOST, socket.MSG_PEEK)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
