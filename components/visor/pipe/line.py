"""One connection of a pipe app: a Send of the app is a message on the stream, and a message a Send.

    on the stream, unless raw      u16 BE length | so many bytes

Such apps take one Send for one message, so its bounds must survive a stream of bytes. Both directions have
one Send under way at a time: the app would mix up two.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from components.mesh.errors import MeshError, RemoteError, WireError
from components.visor.app import AppError, Stream
from components.visor.pipe.frame import IDS, PAYLOAD_MAX, ZERO, Addr, Loop, Packet, Type, to_json
from components.visor.pipe.wire import Wire

log = logging.getLogger(__name__)

RAW_BYTES: Final = 32 * 1024
NO_LISTENER: Final = "no listener"
SENDS_MAX: Final = IDS + 1  # an app has no more ids
AGAIN_S: Final = 0.05
AGAIN_MAX: Final = 200


class Key(NamedTuple):
    """What tells a connection from the others of the app."""

    port: int
    pk: str
    rport: int


class Outgoing(NamedTuple):
    """A Send of the app that is not answered yet."""

    id: int
    payload: bytes


class Line:
    """`confirm` tells the app once more of a connection that it lost; None for one that it dialled."""

    def __init__(
        self,
        wire: Wire,
        stream: Stream,
        key: Key,
        *,
        raw: bool = False,
        confirm: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.key = key
        self._wire = wire
        self._stream = stream
        self._raw = raw
        self._confirm = confirm
        self._loop = Loop(Addr(ZERO, key.port), Addr(key.pk, key.rport))
        self._outgoing: asyncio.Queue[Outgoing | None] = asyncio.Queue(SENDS_MAX + 1)  # and the end
        self._closed_by_app = False

    def send(self, outgoing: Outgoing) -> None:
        """The app sends; it is answered when the stream has taken it. Raises `WireError`."""
        if self._outgoing.qsize() >= SENDS_MAX:
            raise WireError(f"more than {SENDS_MAX} Sends wait for their answers")
        self._outgoing.put_nowait(outgoing)

    def close(self) -> None:
        """The app closed it: what it sent before goes out first."""
        if not self._closed_by_app:
            self._closed_by_app = True
            self._outgoing.put_nowait(None)

    async def run(self) -> None:
        """Until either side closed it."""
        try:
            async with self._stream, asyncio.TaskGroup() as both:
                inwards = both.create_task(self._inwards())
                await self._outwards()
                inwards.cancel()
        finally:
            while not self._outgoing.empty():
                left = self._outgoing.get_nowait()
                if left is not None:
                    self._wire.fail(left.id, "the connection is closed")

    # -- from the app

    async def _outwards(self) -> None:
        while (outgoing := await self._outgoing.get()) is not None:
            size = b"" if self._raw else len(outgoing.payload).to_bytes(2, "big")
            try:
                self._stream.write(size + outgoing.payload)
                await self._stream.drain()
            except AppError as exc:
                self._wire.fail(outgoing.id, str(exc))
            else:
                self._wire.succeed(outgoing.id)

    # -- to the app

    async def _inwards(self) -> None:
        try:
            while (payload := await self._next()) is not None:
                await self._deliver(to_json(Packet(self._loop, payload)))
        except (AppError, asyncio.IncompleteReadError, MeshError) as exc:
            log.info("a connection broke peer=%s port=%d: %s", self.key.pk, self.key.rport, exc)
        if not self._closed_by_app:
            await self._tell_close()
            self.close()

    async def _next(self) -> bytes | None:
        if self._raw:
            return await self._stream.read(RAW_BYTES) or None
        try:
            size = int.from_bytes(await self._stream.readexactly(2), "big")
        except asyncio.IncompleteReadError as exc:
            if exc.partial:
                raise
            return None
        if size > PAYLOAD_MAX:
            raise RemoteError("too-long", f"a message of {size} bytes; {PAYLOAD_MAX} fit into a Send")
        return await self._stream.readexactly(size)

    async def _deliver(self, packet: bytes) -> None:
        """The app answers Success to ConfirmLoop even when it drops the connection: then tell it again."""
        for _ in range(AGAIN_MAX):
            try:
                await self._wire.ask(Type.SEND, packet, deadline_s=None)  # answered when it was read
                return
            except RemoteError as exc:
                if NO_LISTENER not in exc.text or self._confirm is None:
                    raise
            await asyncio.sleep(AGAIN_S)
            await self._confirm()
        raise RemoteError("no-listener", "the app accepts no connection")

    async def _tell_close(self) -> None:
        try:
            await self._wire.ask(Type.CLOSE, to_json(self._loop))
        except MeshError as exc:
            log.info("the app was not told of a close: %s", exc)
