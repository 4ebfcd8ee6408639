"""Two ends of a group over routers of one process, with real sockets for links and apps."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from components.mesh.aead import Cipher
from components.mesh.endtoend import RouteName
from components.visor.plane.joint import Joint
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from components.visor.plane.streams.api import Left
from components.visor.plane.streams.core import Memory
from components.visor.plane.table import LegPlan, Plan
from signal_bus.identity import Identity, draw
from tests.support.planes import joined

Hop = tuple[Router, Link | None, Link | None]
_ids = itertools.count(1)
GROUP = bytes(16)


@dataclass
class Owner:
    """Accepts every stream; `apps` holds our end of each."""

    loop: asyncio.AbstractEventLoop
    apps: asyncio.Queue[socket.socket] = field(default_factory=asyncio.Queue)
    messages: list[bytes] = field(default_factory=list)
    switches: list[Left] = field(default_factory=list)
    codes: list[int | None] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        ours, theirs = app_pair()
        if joint.accept(stream, theirs, self.codes.append) is not None:
            self.apps.put_nowait(ours)

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        self.messages.append(bytes(body))
        self.changed.set()

    def routes_changed(self, joint: Joint) -> None:
        self.changed.set()

    def switched(self, joint: Joint, why: Left) -> None:
        self.switches.append(why)
        self.changed.set()

    async def until(self, probe: Callable[[], object], deadline_s: float = 10.0) -> None:
        async with asyncio.timeout(deadline_s):
            while not probe():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Pair:
    """Both ends of one group."""

    first: Joint
    last: Joint
    near: Owner
    far: Owner
    names: list[tuple[Identity, Identity]]
    made: int = 0

    async def add_route(self, path: list[Hop], cost: int = 10) -> int:
        """A route along the path, open at both ends; its number."""
        self.made += 1
        first, last = self.names[0]
        name = RouteName(first.public_key, last.public_key, GROUP, self.made, Cipher.AES)
        before = self.first.open_routes, self.last.open_routes
        install(path, lambda joint, plan: joint.install(plan, name, cost=cost), self.first, self.last)
        await self.near.until(lambda: self.first.open_routes > before[0])
        await self.far.until(lambda: self.last.open_routes > before[1])
        return self.made

    async def settled(self) -> None:
        """Until no stream lives on either side."""
        async with asyncio.timeout(10):
            while self.first.streams or self.last.streams:
                await asyncio.sleep(0.001)

    def dial(self) -> socket.socket:
        """A stream to the far side: the app's socket."""
        ours, theirs = app_pair()
        self.first.open(7, theirs, source=49152, over=self.near.codes.append)
        return ours


def install(path: list[Hop], end: Callable[[Joint, Plan], object], first: Joint, last: Joint) -> None:
    """The rules of a route, the last hop first so that nothing is sent too early."""
    count = len(path) - 1
    forward = [next(_ids) for _ in range(count)]
    back = [next(_ids) for _ in range(count)]
    for index, (router, before, after) in reversed(list(enumerate(path))):
        legs = []
        if before is not None:
            legs.append(LegPlan(link=before.number, in_id=forward[index - 1], out_id=back[index - 1]))
        if after is not None:
            legs.append(LegPlan(link=after.number, in_id=back[index], out_id=forward[index]))
        plan = Plan(legs=tuple(legs), owner=b"setup")
        if before is not None and after is not None:
            router.install(plan)
        else:
            end(first if before is None else last, plan)


def pair(first: Router, last: Router, memory: Callable[[], Memory]) -> Pair:
    """A group between two routers' nodes, without routes yet."""
    loop = asyncio.get_running_loop()
    names = Identity(draw()), Identity(draw())
    owners = Owner(loop), Owner(loop)
    joints = [
        Joint(loop, router, own, memory(), owner, peer=other.public_key, id=GROUP, initiates=initiates)
        for router, own, other, owner, initiates in (
            (first, names[0], names[1], owners[0], True),
            (last, names[1], names[0], owners[1], False),
        )
    ]
    return Pair(joints[0], joints[1], owners[0], owners[1], [names])


def path(routers: list[Router]) -> list[Hop]:
    """New links between these routers, in a row."""
    links = [joined(left, right) for left, right in itertools.pairwise(routers)]
    return [
        (node, links[index - 1][1] if index else None, links[index][0] if index < len(links) else None)
        for index, node in enumerate(routers)
    ]


def app_pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


async def pour(sock: socket.socket, size: int) -> str:
    """Write random bytes and then the end; their digest."""
    loop, digest, left = asyncio.get_running_loop(), hashlib.sha256(), size
    while left:
        block = os.urandom(min(left, 1 << 16))
        digest.update(block)
        await loop.sock_sendall(sock, block)
        left -= len(block)
    sock.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


async def drink(sock: socket.socket) -> tuple[int, str]:
    """Read to the end: how many bytes, and their digest."""
    loop, digest, count = asyncio.get_running_loop(), hashlib.sha256(), 0
    while block := await loop.sock_recv(sock, 1 << 16):
        digest.update(block)
        count += len(block)
    return count, digest.hexdigest()
