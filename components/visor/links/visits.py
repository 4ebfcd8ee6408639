"""Connections that messengers hand in: each proves who it is, and goes to the door of its port."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from components.mesh.doors import Door, HalfOpen
from components.mesh.errors import MeshError
from components.mesh.session import Visitor, hear
from components.visor.links.limits import RELAYED_EACH, RELAYED_VISITS
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)


class Visits:
    """Relayed connections whose handshake is under way, or whose door keeps them."""

    def __init__(
        self,
        identity: Identity,
        doors: Mapping[int, Door],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],  # Any: what a coroutine never uses
    ) -> None:
        self._identity = identity
        self._doors = doors
        self._spawn = spawn
        self._half_open = HalfOpen(RELAYED_VISITS, RELAYED_EACH)

    def take(self, sock: socket.socket, sender: PublicKey) -> None:
        """Serve one connection. `sender` is what the messenger says, and counts for the bounds only."""
        task = self._spawn(self._visit(sock, sender))
        task.add_done_callback(lambda _: _close_unserved(task, sock))

    async def _visit(self, sock: socket.socket, sender: PublicKey) -> None:
        try:
            await self._answer(sock, sender)
        except MeshError as exc:
            log.info("a relayed connection came to nothing from=%s: %s", sender.hex(), exc)
        except Exception:  # a bug behind one door must not close the others
            log.exception("a relayed visit failed from=%s", sender.hex())

    async def _answer(self, sock: socket.socket, sender: PublicKey) -> None:
        try:
            with self._half_open.slot(sender.hex()):
                visitor = await hear(sock, self._identity)
        except BaseException:
            sock.close()
            raise
        try:
            await self._to_its_door(visitor)
        finally:
            visitor.close()

    async def _to_its_door(self, visitor: Visitor) -> None:
        door = self._doors.get(visitor.port)
        if door is None:
            await visitor.refuse("no-such-port", f"nothing answers at port {visitor.port}")
        else:
            await door(visitor)


def _close_unserved(task: asyncio.Task[None], sock: socket.socket) -> None:
    """A task that is cancelled before its first step has closed nothing."""
    if task.cancelled():
        sock.close()
