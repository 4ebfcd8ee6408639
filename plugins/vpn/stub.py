"""The client's resolver: takes questions at the loopback, sends them over the stream, gives answers back."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self, cast

from plugins.vpn.names import Asked, failure, is_question

log = logging.getLogger(__name__)

HOSTS: Final = ("127.0.0.1", "::1")
ANSWER_S: Final = 8.0
MOST: Final = 512  # questions under way; more are dropped, for their askers to ask again
_TRIES: Final = 16  # for a port that is free in all four ways

Send = Callable[[Asked], bool]  # whether it could be sent


class Stub:
    """Use it in an `async with`; `port` is the same for all."""

    def __init__(self, send: Send) -> None:
        self.port = 0
        self._send = send
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._stack = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Raises `OSError`."""
        for tries in range(_TRIES):
            try:
                await self._listen()
                break
            except OSError:
                await self._stack.aclose()
                if tries == _TRIES - 1:
                    raise
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._group = None
        for task in self._tasks:
            task.cancel()
        await self._stack.aclose()

    async def _listen(self) -> None:
        """All sockets at one port. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        port = 0
        for host in HOSTS if _has_ipv6() else HOSTS[:1]:
            server = await asyncio.start_server(self._connected, host, port)
            self._stack.push_async_callback(_closed, server)
            port = server.sockets[0].getsockname()[1]
            transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), (host, port))
            self._stack.callback(transport.close)
        self.port = port

    def answered(self, asked: Asked) -> None:
        """An answer came over the stream."""
        waiting = self._waiting.get(asked.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(asked.message)

    async def ask(self, message: bytes, *, tcp: bool) -> bytes:
        """The answer to a question, or that there is none."""
        number = next(self._numbers) & 0xFFFFFFFF
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if not self._send(Asked(number, tcp, message)):
            return failure(message)
        self._waiting[number] = waiting
        try:
            async with asyncio.timeout(ANSWER_S):
                return await waiting
        except TimeoutError:
            return failure(message)
        finally:
            del self._waiting[number]

    def datagram(self, message: bytes, reply: Callable[[bytes], None]) -> None:
        """A question by UDP."""
        if is_question(message) and self._group is not None and len(self._tasks) < MOST:
            self._own(self._group.create_task(self._reply(message, reply)))

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._group is None or len(self._tasks) >= MOST:
            writer.close()
        else:
            self._own(self._group.create_task(self._tcp(reader, writer)))

    def _own(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, message: bytes, reply: Callable[[bytes], None]) -> None:
        reply(await self.ask(message, tcp=False))

    async def _tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(3 * ANSWER_S):
                while is_question(message := await reader.readexactly(await _size(reader))):
                    answer = await self.ask(message, tcp=True)
                    writer.write(len(answer).to_bytes(2, "big") + answer)
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as exc:
            log.debug("a question by TCP ended: %s", exc)
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    """Hands datagrams on."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._stub.datagram(data, lambda answer: self._transport.sendto(answer, addr))


async def _size(reader: asyncio.StreamReader) -> int:
    return int.from_bytes(await reader.readexactly(2), "big")


async def _closed(server: asyncio.Server) -> None:
    server.close()
    await server.wait_closed()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
