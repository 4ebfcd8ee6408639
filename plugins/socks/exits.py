"""The client's way to an exit: a program's socket handed over, or a stream that is used here."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from components.visor.app import App, AppError, DialError, Handed, PeerRefused, Stream
from components.visor.kit.kept import KeptVisor
from plugins.socks.destination import BadDestination, Destination
from plugins.socks.request import BadRequest, Code, Command, parse_reply, write

log = logging.getLogger(__name__)

REPLY_S: Final = 30.0  # more than an exit takes to connect
_PIECE: Final = 65_536

T = TypeVar("T")


class NoExit(Exception):
    """No exit took the connection; `code` is told to the program."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass
class Exits:
    """The keys of the exits, and the mesh port they listen on; the first that answers is used."""

    visor: KeptVisor
    keys: Sequence[str]
    port: int

    async def find(self, names: Sequence[str], connect: Callable[[], App]) -> None:
        """Take the exits that people call so: by key, its first digits, or label. Raises `AppError`."""
        if names:
            async with connect() as app:
                self.keys = [(await app.resolve(name)).hex() for name in names]

    async def hand_over(self, sock: socket.socket) -> tuple[str, Handed]:
        """Give the visor a socket whose request was not read; it stays open here. Raises `NoExit`."""
        return await self._first(lambda app, key: app.hand_over(sock.dup(), key, self.port))

    async def replied(self, handed: Handed) -> None:
        """Wait for the end; what an exit does not reply to in time is broken off, for it may be frozen.

        Raises `StreamReset` or `VisorGone`.
        """
        try:
            async with asyncio.timeout(REPLY_S):
                await handed.wait()
                return
        except TimeoutError:
            await self.visor.refresh()
        if handed.known and not handed.received_bytes:
            log.warning("exit %s does not reply", handed.peer.hex()[:8])
            await handed.abort()
        await handed.wait()

    async def ask(self, command: Command, destination: Destination) -> tuple[str, Stream, bytes]:
        """A stream that leads to a destination, and what came behind the reply. Raises `NoExit`."""
        try:
            request = write(command, destination)
        except BadDestination as exc:
            raise NoExit(Code.NO_SUCH_KIND, str(exc)) from exc
        key, stream = await self._first(lambda app, key: app.dial(key, self.port, first=request))
        try:
            async with asyncio.timeout(REPLY_S):
                return key, stream, await _rest(stream)
        except BaseException as exc:
            stream.close()
            if isinstance(exc, (AppError, BadRequest, EOFError, TimeoutError)):
                raise NoExit(Code.FAILED, f"the exit: {str(exc) or 'no reply'}") from exc
            raise

    async def _first(self, reach: Callable[[App, str], Awaitable[T]]) -> tuple[str, T]:
        """What the first exit that can be reached came to. Raises `NoExit`."""
        last = NoExit(Code.FAILED, "no exit is named: give --peer PEER, or plugins.settings.socks.peers")
        for key in self.keys:
            try:
                return key, await reach(await self.visor.app(), key)
            except DialError as exc:
                code = Code.REFUSED if isinstance(exc, PeerRefused) else Code.NO_HOST
                last = NoExit(code, f"exit {key[:8]}: {exc}")
            except (AppError, TimeoutError) as exc:
                last = NoExit(Code.FAILED, f"the visor: {str(exc) or 'it is away'}")
        raise last


async def _rest(stream: Stream) -> bytes:
    """What came behind a reply that says yes. Raises `NoExit`, `BadRequest`, `AppError` or `EOFError`."""
    data = b""
    while (found := parse_reply(data)) is None:
        more = await stream.read(_PIECE)
        if not more:
            raise EOFError("it hung up before it had replied")
        data += more
    code, _, size = found
    if code is not Code.DONE:
        raise NoExit(code, f"the exit refused: {code.name.lower().replace('_', ' ')}")
    return data[size:]
