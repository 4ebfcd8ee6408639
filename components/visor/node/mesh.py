"""The mesh as the app server sees it: dial a key, offer what comes, send messages."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

from components.mesh.errors import CallerError, MeshError
from components.mesh.ports import AppPort
from components.visor.apps.dialler import MeshStream, Offer, Over
from components.visor.apps.joints import JointOffer, open_stream
from components.visor.groups.groups import Groups
from components.visor.groups.path import Policy
from components.visor.pinger import Pinger
from components.visor.plane.joint import Joint
from components.visor.plane.streams.api import Code
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

MESSAGES_WAITING: Final = 256  # for a route that is being set up


class Apps(Protocol):
    """The app server."""

    def offered(self, offer: Offer) -> None:
        """A peer wants a stream."""

    def message(self, peer: PublicKey, port: int, source: int, body: bytes | memoryview) -> bool:
        """A message came."""


def _nobody(joint: Joint, body: memoryview) -> None:
    """Nobody wants to hear of receipts."""


async def _no_link(peer: PublicKey) -> None:
    """Nobody makes links."""


class Mesh:
    """Between apps and groups, both ways; two ports are the node's own: pings, and receipts."""

    def __init__(self, own: PublicKey, tasks: asyncio.TaskGroup) -> None:
        self.pinger = Pinger()
        self._own = own
        self._tasks = tasks
        self._groups: Groups | None = None
        self._apps: Apps | None = None
        self._receipts: Callable[[Joint, memoryview], None] = _nobody
        self._waiting = 0

    def between(
        self,
        groups: Groups,
        apps: Apps,
        receipts: Callable[[Joint, memoryview], None] = _nobody,
        told: Callable[[PublicKey], AbstractContextManager[None]] = lambda peer: nullcontext(),
        link: Callable[[PublicKey], Awaitable[None]] = _no_link,
    ) -> None:
        """Both sides are there; `receipts` hears what peers say about those, `told` words what is wrong.

        `link` makes a link to a peer that no path leads to.
        """
        self._link = link
        self._groups, self._apps, self._receipts, self._told = groups, apps, receipts, told

    @property
    def key(self) -> PublicKey:
        """Of this node."""
        return self._own

    # -- what apps ask

    async def dial(
        self, pk: PublicKey, port: int, source: int, policy: Policy, sock: socket.socket, over: Over
    ) -> MeshStream:
        """A stream that the peer accepted. Raises `MeshError`."""
        try:
            joint = await self.group(pk, policy)
        except BaseException:
            sock.close()
            raise
        return await open_stream(joint, port, source, sock, over)

    async def link(self, pk: PublicKey) -> None:
        """Try to have a path to a peer to which none is known."""
        if self._groups is None:
            raise CallerError("the node does not run yet")
        await self._link(pk)

    def message(self, pk: PublicKey, port: int, source: int, policy: Policy, body: bytes) -> bool:
        """Send a message, at most once; false when it is dropped here."""
        if self._waiting >= MESSAGES_WAITING or port == AppPort.METER:
            return False
        self._waiting += 1
        self._tasks.create_task(self._send(pk, port, source, policy, body))
        return True

    async def group(self, pk: PublicKey, policy: Policy) -> Joint:
        """The group to a peer. Raises `MeshError`."""
        if self._groups is None:
            raise CallerError("the node does not run yet")
        with self._told(pk):
            return await self._groups.dial(pk, policy)

    async def _send(self, pk: PublicKey, port: int, source: int, policy: Policy, body: bytes) -> None:
        try:
            joint = await self.group(pk, policy)
            joint.group.send(port, body, source=source)
        except MeshError as exc:
            log.info("dropped a message to peer=%s: %s", pk.hex(), exc)
        finally:
            self._waiting -= 1

    # -- what groups tell

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        """A peer opens a stream."""
        if self._apps is None:
            joint.group.reset(stream, Code.REFUSED)
        else:
            self._apps.offered(JointOffer(joint, stream, port, source))

    def message_came(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        """A message for an app, a ping, or one about a receipt."""
        if port == AppPort.PING:
            self.pinger.take(joint, body)
        elif port == AppPort.METER:
            self._receipts(joint, body)
        elif self._apps is not None:
            self._apps.message(joint.peer, port, source, body)


class Inbound:
    """What groups tell, handed to the mesh: both sides call their messages `message`."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        """A peer opens a stream."""
        self._mesh.offered(joint, stream, port, source)

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        """A message came."""
        self._mesh.message_came(joint, port, source, body)
