"""A conversation of two gateways on a connected socket: handshake, question, reply; each has its deadline."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.pairing.frames import LONG, Frames, TooLong
from viscript.cluster.peering.sealed import BadChannel, Called, Caller, Sealed
from viscript.cluster.peering.terms import (
    QUESTION_BYTES,
    REPLY_BYTES,
    Question,
    Reply,
    decode,
    encode,
)

SHAKE_S: Final = 10.0  # for a stranger to prove its key; over the mesh a connection may lead far
SPEAK_S: Final = 20.0  # for a message that is ready to come whole
_CHUNK: Final = 64 * 1024


class Asking:
    """Speaks first: `shake`, then `say`. The caller closes `sock`."""

    def __init__(self, sock: socket.socket, own: Identity, other: PublicKey) -> None:
        self._line = _Line(sock)
        self._caller = Caller(own, other)
        self._sealed: Sealed | None = None

    async def shake(self, patience_s: float) -> None:
        """Make sure who it is. Raises `BadChannel`, `OSError`, `TimeoutError`; nothing was said then."""
        async with asyncio.timeout(patience_s):
            await self._line.send(self._caller.first())
            third, self._sealed = self._caller.third(await self._line.frame())
            await self._line.send(third)
        self._line.limit = LONG

    async def say(self, question: Question, patience_s: float) -> Reply:
        """The question, and its reply. Raises `BadTerms` besides."""
        assert self._sealed is not None, "`shake` comes first"
        async with asyncio.timeout(SPEAK_S):
            await self._line.send(self._sealed.seal(encode(question)))
        async with asyncio.timeout(patience_s):
            return decode(await self._line.message(self._sealed, REPLY_BYTES), Reply)


async def answer(
    sock: socket.socket,
    own: Identity,
    reply: Callable[[PublicKey, Question], Awaitable[Reply]],
    *,
    proved: Callable[[PublicKey], None],
) -> None:
    """Be spoken to; `proved` is told who it is. Raises as `Asking`, and what `proved` raises."""
    line = _Line(sock)
    called = Called(own)
    async with asyncio.timeout(SHAKE_S):
        await line.send(called.second(await line.frame()))
        key, sealed = called.proved(await line.frame())
    proved(key)
    line.limit = LONG
    async with asyncio.timeout(SPEAK_S):
        question = decode(await line.message(sealed, QUESTION_BYTES), Question)
    data = encode(await line.unless_it_ends(reply(key, question)))
    async with asyncio.timeout(SPEAK_S):
        await line.send(sealed.seal(data))


class _Line:
    """Frames on a non-blocking socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._frames = Frames()

    @property
    def limit(self) -> int:
        """How long a frame may be."""
        return self._frames.limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._frames.limit = limit

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def frame(self) -> bytes:
        """The next. Raises `BadChannel` when it is too long, `OSError` at the end."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                whole = self._frames.next()
            except TooLong as exc:
                raise BadChannel(str(exc)) from exc
            if whole is not None:
                return whole
            data = await loop.sock_recv(self._sock, _CHUNK)
            if not data:
                raise ConnectionResetError("the other side hung up")
            self._frames.feed(data)

    async def message(self, sealed: Sealed, most: int) -> bytes:
        """The next whole message."""
        while (whole := sealed.open(await self.frame(), most)) is None:
            pass
        return whole

    async def unless_it_ends(self, work: Awaitable[Reply]) -> Reply:
        """What `work` gives; it is given up when the other side hangs up. Raises `OSError` then."""
        found: list[Reply] = []

        async def working() -> None:
            found.append(await work)
            watching.cancel()

        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._end())
            task = group.create_task(working())
            watching.add_done_callback(lambda _: task.cancel())
        if not found:
            raise ConnectionResetError("the other side hung up")
        return found[0]

    async def _end(self) -> None:
        """Until the other side hangs up, or says what it has no turn for."""
        try:
            await asyncio.get_running_loop().sock_recv(self._sock, 1)
        except OSError:
            return
