"""A local port: every connection gets a task of its own, and a bound on how many there are."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final

log = logging.getLogger(__name__)

MOST: Final = 1024  # connections at a time; more wait to be accepted
_BACKLOG: Final = 512
_PAUSE_S: Final = 0.1  # when there are no descriptors left

Serve = Callable[[socket.socket], Awaitable[None]]


class PortError(Exception):
    """The port cannot be had."""


class Gate:
    """Listens from the start. Raises `PortError`."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as exc:
            hint = "; another program has it" if exc.errno == errno.EADDRINUSE else ""
            raise PortError(f"cannot listen at {host}:{port}: {exc.strerror or exc}{hint}") from exc
        self._listener.setblocking(False)
        self._room = asyncio.Semaphore(MOST)

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    async def run(self, serve: Serve) -> None:
        """Accept for ever; cancelled, it listens no more and ends all that it serves."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._room.acquire()
                    sock = await self._accepted()
                    group.create_task(self._guard(sock, serve))
            finally:
                self.close()

    async def _accepted(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(self._listener)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as exc:  # gone already, or no descriptors left
                log.warning("could not accept: %s", exc)
                await asyncio.sleep(_PAUSE_S)
            else:
                return sock

    async def _guard(self, sock: socket.socket, serve: Serve) -> None:
        try:
            await serve(sock)
        except Exception:  # a bug in one connection must not end the others
            log.exception("a connection failed")
        finally:
            sock.close()
            self._room.release()
