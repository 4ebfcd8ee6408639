"""A stream between hosts that is a socket of ours: what a door talks through in tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

from viscript.cluster.links.api import StreamRefused


class SocketStream:
    """One end of a socketpair as `viscript.cluster.links.api.Stream`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.setblocking(False)

    @property
    def meta(self) -> Mapping[str, str]:
        return {}

    async def read(self) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(self._sock, 65536)
        except OSError as exc:
            raise StreamRefused("gone", str(exc)) from exc

    async def write(self, data: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._sock, data)
        except OSError as exc:
            raise StreamRefused("gone", str(exc)) from exc

    def end(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    async def close(self, code: str = "", text: str = "") -> None:
        self._sock.close()
