"""The client's end: one connection of a program, from its first byte until it is the mesh's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

from components.visor.app import AppError
from components.visor.kit.exchange import carry
from components.visor.kit.ledger import Entry, Ledger
from plugins.socks import webproxy
from plugins.socks.connect import code_of
from plugins.socks.destination import Destination
from plugins.socks.exits import Exits, NoExit
from plugins.socks.handshake import Credentials, Handshake, Refuse, Reply, Wanted
from plugins.socks.inbound import Inbound
from plugins.socks.peek import peek, take, take_all
from plugins.socks.request import Code, Command, Request, reply

log = logging.getLogger(__name__)

REQUEST_S: Final = 10.0

T = TypeVar("T")


class Hangup(Exception):
    """The program gets these last bytes, and the end."""

    def __init__(self, send: bytes, why: str) -> None:
        super().__init__(why)
        self.send = send


class Entrance:
    """Serves the programs of one client."""

    def __init__(
        self,
        exits: Exits,
        ledger: Ledger,
        credentials: Credentials | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exits = exits
        self._ledger = ledger
        self._credentials = credentials
        self._clock = clock

    async def socks(self, sock: socket.socket) -> None:
        """Serve a connection of the SOCKS port to its end."""
        with sock:
            await self._served(sock, self._socks)

    async def web(self, sock: socket.socket) -> None:
        """Serve a connection of the port for HTTP CONNECT to its end."""
        with sock:
            await self._served(sock, self._web)

    async def _served(self, sock: socket.socket, serve: Callable[[socket.socket], Awaitable[None]]) -> None:
        try:
            await serve(sock)
        except Hangup as exc:
            self._ledger.refused += 1
            log.info("refused a program: %s", exc)
            await _told(sock, exc.send)
        except EOFError:
            await _told(sock, b"")
        except (AppError, OSError) as exc:
            log.info("a connection broke: %s", exc)

    # -- SOCKS

    async def _socks(self, sock: socket.socket) -> None:
        request = await _in_time(self._greeted(sock))
        try:
            if request.command is Command.CONNECT:
                await self._hand_over(sock, request)
            elif request.command is Command.UDP:
                await self._associate(sock, request)
            else:
                raise NoExit(Code.NO_SUCH_COMMAND, "BIND is not served")
        except NoExit as exc:
            raise Hangup(reply(request.version, exc.code), f"{request.destination}: {exc}") from exc

    async def _greeted(self, sock: socket.socket) -> Request:
        """The request, which stays unread. Raises `Hangup` or `EOFError`."""
        handshake = Handshake(self._credentials)
        seen = 0
        while True:
            waiting = await peek(sock, seen)
            match handshake.look(waiting):
                case Wanted(request):
                    return request
                case Refuse(send, why):
                    raise Hangup(send, why)
                case Reply(count, send):
                    take(sock, count)
                    seen = 0
                    await asyncio.get_running_loop().sock_sendall(sock, send)
                case None:
                    seen = len(waiting)

    async def _hand_over(self, sock: socket.socket, request: Request) -> None:
        """The visor carries the connection from here on, and the exit answers the request."""
        began = self._clock()
        key, handed = await self._exits.hand_over(sock)
        sock.close()
        with self._counted(key, request.destination, "tcp", began) as entry:
            if handed.id:  # else exit and client are apps of one visor, which then tells nothing
                entry.tally.handed = handed
                await self._exits.replied(handed)

    async def _associate(self, sock: socket.socket, request: Request) -> None:
        began = self._clock()
        take(sock, request.size)
        key, stream, rest = await self._exits.ask(request.command, request.destination)
        async with stream:
            with self._counted(key, Destination("datagrams", 0), "udp", began) as entry:
                try:
                    inbound = Inbound(sock, stream, entry)
                except OSError as exc:
                    raise NoExit(code_of(exc), f"no socket for datagrams: {exc}") from exc
                await asyncio.get_running_loop().sock_sendall(sock, reply(5, Code.DONE, inbound.bound))
                await inbound.run(rest)

    # -- HTTP

    async def _web(self, sock: socket.socket) -> None:
        began = self._clock()
        head = await _in_time(self._head(sock))
        take(sock, head.size)
        try:
            key, stream, rest = await self._exits.ask(Command.CONNECT, head.destination)
        except NoExit as exc:
            raise Hangup(webproxy.answer(exc.code), f"{head.destination}: {exc}") from exc
        async with stream:
            with self._counted(key, head.destination, "http", began) as entry:
                await asyncio.get_running_loop().sock_sendall(sock, webproxy.answer(Code.DONE))
                await carry(stream, sock, entry.tally, rest)

    async def _head(self, sock: socket.socket) -> webproxy.Head:
        """Raises `Hangup` or `EOFError`."""
        seen = 0
        while True:
            waiting = await peek(sock, seen)
            try:
                head = webproxy.parse(waiting, self._credentials)
            except webproxy.BadHead as exc:
                raise Hangup(exc.answer, str(exc)) from exc
            if head is not None:
                return head
            seen = len(waiting)

    @contextlib.contextmanager
    def _counted(self, key: str, destination: Destination, path: str, began: float) -> Iterator[Entry]:
        now = self._clock()
        entry = Entry(key, str(destination), now, path, now - began)
        number = self._ledger.opened(entry)
        try:
            yield entry
        finally:
            self._ledger.closed(number)


async def _in_time(asking: Coroutine[Any, Any, T]) -> T:  # Any: as Coroutine has it
    """What a program asks for. Raises `Hangup` when it takes too long."""
    try:
        async with asyncio.timeout(REQUEST_S):
            return await asking
    except TimeoutError as exc:
        raise Hangup(b"", f"no request within {REQUEST_S:g} s") from exc


async def _told(sock: socket.socket, send: bytes) -> None:
    """Send the last bytes so that they arrive: an end with bytes unread would be a reset."""
    with contextlib.suppress(OSError):
        take_all(sock)
        await asyncio.get_running_loop().sock_sendall(sock, send)
        sock.shutdown(socket.SHUT_WR)
        take_all(sock)
