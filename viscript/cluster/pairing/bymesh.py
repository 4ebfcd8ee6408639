"""Pairing over the mesh: the door of joiners that no address leads to, and the way to one.

An app leads streams of the mesh to a unix socket here, and says first whose visor each comes from, 32 bytes.
It admits everybody, as a port does; and only while an invitation is open, or a pairing by it under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Final, Protocol

from viscript.cluster.pairing.code import MeshAddress
from viscript.cluster.pairing.listener import Listener, Run, Serve
from viscript.cluster.pairing.meeting import Meeting
from viscript.errors import ExitCode, VerbError, ViscriptError
from viscript.privatesocket import listening

log = logging.getLogger(__name__)

PLACE: Final = "pairing"
SHAKE_S: Final = 40.0  # until there are words: setting a route up takes its time
_TOLD_S: Final = 2.0
_VISOR_BYTES: Final = 32
_BACKLOG: Final = 64
START: Final = "start one with: viscript s reach"


class Mesh(Protocol):
    """What leads over the mesh; `visor` is empty while nothing does."""

    @property
    def visor(self) -> bytes:
        """The key by which others find this host there."""

    async def open(self, name: str, socket: str) -> None:
        """Lead everybody who asks for that place to a socket. Raises `ViscriptError`."""

    def shut(self, name: str) -> None:
        """Lead nobody there any more."""

    def way(self, visor: bytes, name: str, stem: str = "") -> AbstractAsyncContextManager[str]:
        """A unix socket that leads to a place of another host. Raises `ViscriptError`.

        `stem` names the socket; two at a time need two.
        """

    async def trouble(self, path: str) -> str:
        """Why such a socket led nowhere; empty when that is not known."""


class NoMesh:
    """A home that no app of the mesh belongs to."""

    visor = b""

    async def open(self, name: str, socket: str) -> None:
        """Never."""
        raise ViscriptError("no app of this host leads over the mesh")

    def shut(self, name: str) -> None:
        """Nothing was open."""

    def way(self, visor: bytes, name: str, stem: str = "") -> AbstractAsyncContextManager[str]:
        """Nowhere."""
        raise ViscriptError("no app of this host leads over the mesh")

    async def trouble(self, path: str) -> str:
        """None."""
        return ""


class MeshDoor(Listener):
    """The unix socket where joiners come, or others; the place that leads to it is open as long."""

    def __init__(
        self,
        run: Run,
        serve: Serve,
        mesh: Callable[[], Mesh],
        path: str,
        *,
        place: str = PLACE,
        whom: str = "joiner",
    ) -> None:
        super().__init__(run, serve, whom=whom)
        self._mesh = mesh
        self._path = path
        self._place = place
        self._held: set[socket.socket] = set()
        self._is_placed = False

    @property
    def visor(self) -> bytes:
        """The key under which the door would be found; empty when none leads here."""
        return self._mesh().visor

    async def open_place(self) -> None:
        """Listen, and be found. Raises `VerbError`."""
        was_open = self._socket is not None
        try:
            if not was_open:
                self._listen(listening(self._path, _BACKLOG))
            self._is_placed = True
            await self._mesh().open(self._place, self._path)
        except (ViscriptError, OSError) as exc:
            if not was_open:
                self.close()
            text = f"nobody can join over the mesh: {exc}; {START}"
            raise VerbError(ExitCode.UNREACHABLE, text) from exc

    def close(self) -> None:
        """Listen no more. The place stays until the pairings under way are over."""
        if self._socket is not None:
            with contextlib.suppress(FileNotFoundError):
                Path(self._path).unlink()
        super().close()
        self._shut_when_idle()

    async def _admit(self, sock: socket.socket, address: Any) -> None:  # Any: as the base class has it
        try:
            async with asyncio.timeout(_TOLD_S):
                visor = await _told(sock)
        except (OSError, TimeoutError) as exc:
            log.warning("what leads over the mesh did not say whom: %s", exc)
            sock.close()
            return
        except asyncio.CancelledError:
            sock.close()
            raise
        self._held.add(sock)
        self._take(sock, visor.hex())

    def _done(self, task: asyncio.Task[None], sock: socket.socket) -> None:
        super()._done(task, sock)
        self._held.discard(sock)
        self._shut_when_idle()

    def _shut_when_idle(self) -> None:
        if self._is_placed and self._socket is None and not self._held:
            self._is_placed = False
            self._mesh().shut(self._place)


class Led:
    """A connection that leads to the joiners' door of another host, and the socket it goes by."""

    def __init__(
        self, mesh: Mesh, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str
    ) -> None:
        self.reader, self.writer = streams
        self.trouble = ""  # why it led nowhere; known once it was carried to its end
        self.way = AsyncExitStack()
        self._mesh = mesh
        self._path = path

    async def carry(self, meeting: Meeting) -> None:
        """Run a meeting to its end on this connection, and take back what led there."""
        async with self.way:
            await meeting.run()
            if not meeting.words:
                self.trouble = await self._mesh.trouble(self._path)


async def led_to(mesh: Mesh, address: MeshAddress) -> Led:
    """Connect to the joiners' door of that host. Raises `VerbError`."""
    if not mesh.visor:
        text = (
            f"{shown(address)}: no app of this host leads over the mesh; {START}, at a visor that reaches"
            " the same messenger as that host's (viscript mesh check)"
        )
        raise VerbError(ExitCode.UNREACHABLE, text)
    try:
        async with AsyncExitStack() as stack:
            path = await stack.enter_async_context(mesh.way(address.visor, PLACE))
            made = Led(mesh, await asyncio.open_unix_connection(path), path)
            made.way = stack.pop_all()
            return made
    except (ViscriptError, OSError) as exc:
        raise VerbError(ExitCode.UNREACHABLE, f"{shown(address)}: {exc}") from exc


def shown(address: object) -> str:
    """An address for people: of a key, its beginning. Pure."""
    return f"mesh:{address.visor.hex()[:16]}" if isinstance(address, MeshAddress) else str(address)


async def _told(sock: socket.socket) -> bytes:
    """The key that stands before the joiner's bytes. Raises `OSError` where there is none."""
    loop, told = asyncio.get_running_loop(), b""
    while len(told) < _VISOR_BYTES:
        more = await loop.sock_recv(sock, _VISOR_BYTES - len(told))
        if not more:
            raise ConnectionError("it hung up")
        told += more
    return told
