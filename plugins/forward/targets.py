"""The way from here to a target: a connection, or a socket for datagrams that has one peer."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, Final

from components.visor.kit.nearby import at_once
from plugins.forward.words import split

CONNECT_S: Final = 10.0
_PACKET: Final = 65_535

Found = tuple[int, int, int, str, tuple[Any, ...]]  # Any: an address is of several forms


class NoTarget(Exception):
    """The target cannot be reached."""


async def connect(target: str, *, udp: bool) -> socket.socket:
    """A connected, non-blocking socket. Raises `NoTarget`."""
    loop = asyncio.get_running_loop()
    host, port = split(target)
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    last: OSError | None = None
    try:
        async with asyncio.timeout(CONNECT_S):
            found = _literal(host, port, kind) or await loop.getaddrinfo(host, port, type=kind)
            for family, _, _, _, address in found:
                try:
                    return await _connected(family, kind, address)
                except OSError as exc:
                    last = exc
    except TimeoutError as exc:
        raise NoTarget(f"{target} does not answer") from exc
    except (OSError, UnicodeError) as exc:
        raise NoTarget(f"{host} is not known there") from exc
    raise NoTarget(f"{target}: {os.strerror(last.errno or 0) if last else 'no address'}") from last


async def _connected(family: int, kind: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not at_once(sock, address):
            await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _literal(host: str, port: int, kind: int) -> list[Found]:
    """Where an address that is written out leads: no look-up in another thread. None for a name."""
    try:
        return list(socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST))
    except (OSError, UnicodeError):
        return []


class Datagrams:
    """A connected socket for datagrams, as `Association` wants it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def receive(self) -> bytes:
        """The next one; that nobody listens there now is no end."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.sock_recv(self._sock, _PACKET)
            except ConnectionRefusedError:
                continue

    def send(self, data: bytes) -> None:
        """Send one. Raises `OSError`."""
        self._sock.send(data)
