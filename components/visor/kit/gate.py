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
        self._room = MOST
        self._begin: Callable[[socket.socket], object] | None = None  # while it runs
        self._watching = False
        self._pause: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Listen no more."""
        self._begin = None
        if self._pause is not None:
            self._pause.cancel()
        self._unwatch()
        self._listener.close()

    async def run(self, serve: Serve) -> None:
        """Accept for ever; cancelled, it listens no more and ends all that it serves."""
        async with asyncio.TaskGroup() as group:
            self._begin = lambda sock: group.create_task(self._guard(sock, serve))
            self._watch()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.close()

    def _watch(self) -> None:
        self._pause = None
        if self._begin is not None and self._room and not self._watching:
            self._watching = True
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._knocked)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            asyncio.get_running_loop().remove_reader(self._listener.fileno())

    def _knocked(self) -> None:
        """Take one; the loop tells of the next one in its next turn."""
        assert self._begin is not None
        try:
            sock = self._accepted()
        except BlockingIOError:  # it is gone already
            return
        except OSError as exc:  # no descriptors left
            log.warning("could not accept: %s", exc)
            self._unwatch()
            self._pause = asyncio.get_running_loop().call_later(_PAUSE_S, self._watch)
            return
        self._room -= 1
        if not self._room:
            self._unwatch()
        self._begin(sock)

    def _accepted(self) -> socket.socket:
        sock, _ = self._listener.accept()
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _guard(self, sock: socket.socket, serve: Serve) -> None:
        try:
            await serve(sock)
        except Exception:  # a bug in one connection must not end the others
            log.exception("a connection failed")
        finally:
            sock.close()
            self._room += 1
            if self._pause is None:
                self._watch()
