"""A visor on another host: a session for what is asked and told, and one for each stream.

To the app's `Connection` it looks like a visor of this host: it gets one end of a pair, and descriptors by
it.
"""

import asyncio
import logging
import socket
from collections.abc import Coroutine
from types import TracebackType
from typing import Final, NamedTuple, Self

from components.mesh import keys
from components.mesh.errors import BadKey, MeshError
from components.mesh.errors import Refused as SessionRefused
from components.mesh.ports import MeshPort
from components.mesh.reach import Address, parse_address
from components.mesh.session import Session, dial
from components.visor.apps import codec
from components.visor.apps.channel import Channel
from components.visor.apps.farstream import Ends, carry
from components.visor.apps.farwire import FarWire, Wanted
from components.visor.apps.messages import Ended, FromApp, FromVisor
from components.visor.plane.streams.api import Code
from components.visor.sdk.errors import Misuse, NoVisor, Refused
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

DIALS_AT_ONCE: Final = 8  # a visor takes 16 handshakes from one address


class Where(NamedTuple):
    """KEY@host:port."""

    key: PublicKey
    address: Address


def parse(text: str) -> Where:
    """The visor an address names. Raises `Misuse`."""
    key, _, address = text.partition("@")
    try:
        return Where(keys.parse(key), parse_address(address))
    except (BadKey, ValueError) as exc:
        raise Misuse(f"{text!r} is no address of a visor on another host, KEY@host:port: {exc}") from exc


class FarVisor:
    """Leaving the block hangs up."""

    def __init__(self, where: Where, identity: Identity) -> None:
        self._where = where
        self._identity = identity
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._dialling = asyncio.Semaphore(DIALS_AT_ONCE)

    async def __aenter__(self) -> Self:
        """Raises `NoVisor`, or `Refused` when the visor does not take this key."""
        self._session = await self._dial(Wanted())
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wire.end("the app ends")
        for task in tuple(self._running):
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    def open(self) -> socket.socket:
        """The app's end of the control connection."""
        app, ours = socket.socketpair()
        app.setblocking(False)
        loop = asyncio.get_running_loop()
        self._wire: FarWire[FromVisor] = FarWire(self._session, codec.of_visor, self._told)
        self._channel: Channel[FromApp] = Channel(loop, ours, codec.of_app, self._asked, self._wire.end)
        self._begin(self._run())
        return app

    async def _dial(self, wanted: Wanted) -> Session:
        key, address = self._where
        try:
            return await dial(address, self._identity, key, MeshPort.CONTROL, wanted)
        except SessionRefused as exc:
            raise Refused(exc.code, exc.text) from exc
        except MeshError as exc:
            raise NoVisor(f"no visor {key.hex()[:8]} at {address[0]}:{address[1]}: {exc}") from exc

    async def _run(self) -> None:
        try:
            log.info("a visor on another host is left: %s", await self._wire.run())
        finally:
            self._channel.close()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    # -- from the app

    def _asked(self, message: FromApp, descriptor: int | None) -> None:
        assert descriptor is None  # `App` hands nothing over to a visor on another host
        self._wire.say(message)

    # -- from the visor

    def _told(self, message: FromVisor, token: bytes) -> None:
        app: socket.socket | None = None
        if token:
            app, ours = socket.socketpair()
            self._begin(self._stream(getattr(message, "stream", 0), token, ours))
        if not self._channel.send(message, app, owed=True):
            self._wire.end("the app reads nothing")

    async def _stream(self, number: int, token: bytes, sock: socket.socket) -> None:
        async def broke(code: int) -> None:
            if number:
                self._channel.send(Ended(number, code), owed=True)

        with sock:
            try:
                async with self._dialling:
                    session = await self._dial(Wanted(token))
            except (NoVisor, Refused) as exc:
                log.warning("a stream came to nothing: %s", exc)
                await broke(Code.CLOSED)
            else:
                await carry(session, sock, Ends(lambda: None, broke))
