"""Apps of other hosts: sessions of port 46 from keys that may, each beside a session for each stream.

To the app server such an app is one like any other: it gets one end of a pair, and what an app of this host
would say on its unix socket comes from the session.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from components.mesh import payloads
from components.mesh.errors import Busy, MeshError, WireError
from components.mesh.session import Session, Visitor
from components.visor.apps import codec
from components.visor.apps.channel import Channel
from components.visor.apps.farstream import Ends, carry
from components.visor.apps.farwire import TOKEN_BYTES, TOKEN_S, FarWire, Wanted
from components.visor.apps.messages import Done, Ended, FromApp, FromVisor, Incoming, Reset
from components.visor.plane.streams.api import Code
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

RESET_S: Final = 1.0
Adopt = Callable[[socket.socket], None]


@dataclass
class FarStream:
    """One whose session is awaited, or there."""

    number: int
    sock: socket.socket
    code: int | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)  # the visor told its end
    lost: bool = False  # no session came for it
    expiry: asyncio.TimerHandle | None = None


@dataclass
class FarApps:
    """The door of port 46. `adopt` gives a socket to the app server; raises `Busy` (the socket is closed)."""

    adopt: Adopt
    allowed: Collection[PublicKey]
    _apps: dict[tuple[PublicKey, bytes], "FarApp"] = field(default_factory=dict)

    async def door(self, visitor: Visitor) -> None:
        """Serve one session to its end. Raises `MeshError`."""
        if visitor.peer not in self.allowed:
            why = "apps with your key are not taken here; the visor's option --app-allow names who may"
            await visitor.refuse("not-allowed", why)
            return
        token = payloads.decode(visitor.args, Wanted).token
        if token:
            await self._stream(visitor, token)
        else:
            await self._control(visitor)

    async def _control(self, visitor: Visitor) -> None:
        ours, theirs = socket.socketpair()
        try:
            self.adopt(theirs)
        except Busy as exc:
            ours.close()
            await visitor.refuse("busy", str(exc))
            return
        with ours:
            session = await visitor.accept()
            await FarApp(self._apps, session, ours).run()

    async def _stream(self, visitor: Visitor, token: bytes) -> None:
        app = self._apps.pop((visitor.peer, token), None)
        if app is None:
            await visitor.refuse("no-such-stream", "no stream waits for this token, or no longer")
            return
        await app.serve(visitor, token)


class FarApp:
    """One of them: between its session and the app server."""

    def __init__(
        self, waiting: dict[tuple[PublicKey, bytes], "FarApp"], session: Session, sock: socket.socket
    ) -> None:
        self._peer = session.peer
        self._waiting = waiting  # of all apps, by key and token
        self._tokens: dict[bytes, FarStream] = {}
        self._numbers: dict[int, FarStream] = {}
        self._wire: FarWire[FromApp] = FarWire(session, codec.of_app, self._asked)
        loop = asyncio.get_running_loop()
        self._channel: Channel[FromVisor] = Channel(loop, sock, codec.of_visor, self._told, self._wire.end)

    async def run(self) -> None:
        """Until either side hangs up."""
        try:
            log.info("a remote app left key=%s: %s", self._peer.hex(), await self._wire.run())
            await self._reset(tuple(self._numbers.values()))
        finally:
            self._channel.close()
            for token in tuple(self._tokens):
                self._taken(token).sock.close()
            for stream in self._numbers.values():
                if stream.lost:
                    stream.sock.close()

    # -- from the app

    def _asked(self, message: FromApp, token: bytes) -> None:
        if getattr(message, "fd", False):
            raise WireError("a remote app has no descriptor to hand over")
        if not self._channel.send(message, owed=True):
            self._wire.end("the visor took no more")

    # -- from the visor

    def _told(self, message: FromVisor, descriptor: int | None) -> None:
        if isinstance(message, Ended):
            self._ended(message)
        if descriptor is None:
            self._wire.say(message)
        elif isinstance(message, Done | Incoming):
            self._wire.say(message, self._token(message.stream, socket.socket(fileno=descriptor)))
        else:
            os.close(descriptor)

    def _ended(self, message: Ended) -> None:
        stream = self._numbers.get(message.stream)
        if stream is not None:
            stream.code = message.code
            stream.over.set()
            if stream.lost:
                del self._numbers[message.stream]
                stream.sock.close()

    def _token(self, number: int, sock: socket.socket) -> bytes:
        token = secrets.token_bytes(TOKEN_BYTES)
        stream = self._tokens[token] = FarStream(number, sock)
        self._waiting[self._peer, token] = self
        stream.expiry = asyncio.get_running_loop().call_later(TOKEN_S, self._expired, token)
        if number:
            self._numbers[number] = stream
        return token

    def _taken(self, token: bytes) -> FarStream:
        self._waiting.pop((self._peer, token), None)
        stream = self._tokens.pop(token)
        if stream.expiry is not None:
            stream.expiry.cancel()
        return stream

    def _expired(self, token: bytes) -> None:
        """No session came: the stream is reset, and its socket closed when that is done."""
        stream = self._taken(token)
        stream.lost = True
        if not stream.number:
            stream.sock.close()
        else:
            self._channel.send(Reset(0, stream.number, Code.GONE), owed=True)

    # -- a stream's session

    async def serve(self, visitor: Visitor, token: bytes) -> None:
        """Carry a stream. Raises `MeshError`."""
        stream = self._taken(token)

        async def broke(_: int) -> None:
            await self._reset([stream])

        with stream.sock:
            try:
                await carry(await visitor.accept(), stream.sock, Ends(lambda: self._why(stream), broke))
            except MeshError:
                await broke(Code.GONE)
                raise
            finally:
                self._numbers.pop(stream.number, None)

    async def _reset(self, streams: Collection[FarStream]) -> None:
        """Break streams off, and wait until that is done: else their sockets' ends look whole."""
        ask = [stream for stream in streams if stream.number and not stream.over.is_set()]
        for stream in ask:
            self._channel.send(Reset(0, stream.number, Code.GONE), owed=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(RESET_S):
                for stream in ask:
                    await stream.over.wait()

    def _why(self, stream: FarStream) -> int | None:
        """The visor tells of a break before it closes the socket."""
        while self._channel.receive():
            pass
        return stream.code
