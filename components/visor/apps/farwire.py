"""The control connection of a remote app: messages of the app protocol as records of a session.

Each record is a msgpack map {message, token}. Where a descriptor would come with a message stands the token
of a stream: the app opens a session of its own with it, within `TOKEN_S`.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Final, Generic, TypeVar

import msgspec

from components.mesh import payloads
from components.mesh.errors import MeshError, WireError, reason
from components.mesh.record import RecordReader
from components.mesh.session import Session
from components.visor.apps.limits import MAX_FRAME, MAX_OWED

TOKEN_BYTES: Final = 16
TOKEN_S: Final = 10.0
SEND_S: Final = 20.0
LARGEST: Final = MAX_FRAME + 1024

M = TypeVar("M")
Token = Annotated[bytes, msgspec.Meta(max_length=TOKEN_BYTES)]


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a session of port 46 is for: the control connection, or the stream of a token."""

    token: Token = b""


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record."""

    message: msgspec.Raw
    token: Token = b""


class FarWire(Generic[M]):
    """Says and hears on a session, which it owns. `take` gets each message and its token."""

    def __init__(
        self, session: Session, decoder: msgspec.msgpack.Decoder[M], take: Callable[[M, bytes], None]
    ) -> None:
        self._session = session
        self._decoder = decoder
        self._take = take
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(MAX_OWED)
        self.why = ""

    def say(self, message: msgspec.Struct, token: bytes = b"") -> None:
        """Send it when there is room; a peer that reads nothing for thousands of messages is left."""
        try:
            self._outgoing.put_nowait(payloads.encode(Said(payloads.raw(message), token)))
        except asyncio.QueueFull:
            self.end("the other side reads nothing")

    async def run(self) -> str:
        """Until it ends: why."""
        with self._session.socket:
            async with asyncio.TaskGroup() as both:
                writing = both.create_task(self._write())
                await self._read()
                writing.cancel()
        return self.why

    def end(self, why: str) -> None:
        """Hang up."""
        self.why = self.why or why
        with suppress(OSError):
            self._session.socket.shutdown(socket.SHUT_RDWR)

    async def _read(self) -> None:
        loop, sock = asyncio.get_running_loop(), self._session.socket
        reader = RecordReader(self._session.opener, largest=LARGEST)
        try:
            reader.feed(self._session.leftover)
            while True:
                while (plain := reader.next()) is not None:
                    self._hear(payloads.decode(plain, Said))
                count = await loop.sock_recv_into(sock, reader.room())
                if not count:
                    self.end("the connection was closed")
                    return
                reader.filled(count)
        except MeshError as exc:
            self.end(f"the other side broke the rules: {exc}")
        except OSError as exc:
            self.end(f"the connection broke: {reason(exc)}")

    def _hear(self, said: Said) -> None:
        try:
            message = self._decoder.decode(said.message)
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise WireError(f"a message of another form: {exc}") from exc
        self._take(message, said.token)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                plain = await self._outgoing.get()
                self._session.sealer.tick(loop.time())
                async with asyncio.timeout(SEND_S):
                    await loop.sock_sendall(self._session.socket, self._session.sealer.record(plain))
        except (OSError, MeshError) as exc:
            self.end(f"nothing can be sent: {str(exc) or 'the other side reads nothing'}")
