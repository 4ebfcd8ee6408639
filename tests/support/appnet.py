"""Two visors' app servers in one process, over the real data plane: one link, one group, one route."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from components.mesh.aead import Cipher
from components.mesh.endtoend import RouteName
from components.mesh.errors import Unreachable
from components.visor.apps.dialler import Over
from components.visor.apps.joints import JointOffer, JointStream, open_stream
from components.visor.apps.limits import Bounds
from components.visor.apps.server import AppServer
from components.visor.groups.path import Policy
from components.visor.plane.joint import Joint
from components.visor.plane.router import Router
from components.visor.plane.streams.api import Left
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.limits import RECEIVING_BUDGET, SENDING_BUDGET
from components.visor.plane.streams.store import Pool
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.joints import GROUP, install, path
from tests.support.mesh import ALICE, BOB


@dataclass
class Mesh:
    """One node's `Dialler` and the owner of its joint."""

    identity: Identity
    joint: Joint | None = None
    server: AppServer | None = None
    policies: list[Policy] = field(default_factory=list)
    linked: list[PublicKey] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> PublicKey:
        return self.identity.public_key

    async def dial(
        self, pk: PublicKey, port: int, source: int, policy: Policy, sock: socket.socket, over: Over
    ) -> JointStream:
        self.policies.append(policy)
        if self.joint is None or self.joint.peer != pk:
            sock.close()
            raise Unreachable(pk.hex()[:8], "no route")
        return await open_stream(self.joint, port, source, sock, over)

    async def link(self, pk: PublicKey) -> None:
        self.linked.append(pk)

    def message(self, pk: PublicKey, port: int, source: int, policy: Policy, body: bytes) -> bool:
        if self.joint is None or self.joint.peer != pk:
            return False
        return self.joint.group.send(port, body, source=source)

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        assert self.server is not None
        self.server.offered(JointOffer(joint, stream, port, source))

    # The data plane's name for an incoming message differs from the dialler's for an outgoing one.
    def routes_changed(self, joint: Joint) -> None:
        self.changed.set()

    def switched(self, joint: Joint, why: Left) -> None:
        self.changed.set()


class _Owner:
    """What the joint calls; a message comes in by the same name as one goes out."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self.offered = mesh.offered
        self.routes_changed = mesh.routes_changed
        self.switched = mesh.switched

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        assert self._mesh.server is not None
        self._mesh.server.message(joint.peer, port, source, body)


@dataclass
class Net:
    """Alice's and Bob's servers, joined."""

    alice: Mesh
    bob: Mesh
    here: Path  # of Alice's apps
    there: Path


def _joint(router: Router, mesh: Mesh, peer: Mesh, *, initiates: bool) -> Joint:
    memory = Memory(Pool(), Budget(SENDING_BUDGET), Budget(RECEIVING_BUDGET))
    loop = asyncio.get_running_loop()
    return Joint(
        loop, router, mesh.identity, memory, _Owner(mesh), peer=peer.key, id=GROUP, initiates=initiates
    )


@asynccontextmanager
async def joined(folder: Path, bounds: Bounds | None = None) -> AsyncIterator[Net]:
    """Both servers, with a route between them."""
    loop = asyncio.get_running_loop()
    routers = [Router(loop), Router(loop)]
    net = Net(Mesh(ALICE), Mesh(BOB), folder / "a" / "app.sock", folder / "b" / "app.sock")
    net.alice.joint = _joint(routers[0], net.alice, net.bob, initiates=True)
    net.bob.joint = _joint(routers[1], net.bob, net.alice, initiates=False)
    name = RouteName(ALICE.public_key, BOB.public_key, GROUP, 1, Cipher.AES)
    install(
        path(routers),
        lambda joint, plan: joint.install(plan, name, cost=10),
        net.alice.joint,
        net.bob.joint,
    )
    async with (
        AppServer(net.here, net.alice, bounds=bounds) as a,
        AppServer(net.there, net.bob, bounds=bounds) as b,
    ):
        net.alice.server, net.bob.server = a, b
        async with asyncio.timeout(10):
            while not (net.alice.joint.open_routes and net.bob.joint.open_routes):
                net.alice.changed.clear()
                net.bob.changed.clear()
                waiting = net.bob if net.alice.joint.open_routes else net.alice
                await waiting.changed.wait()
        try:
            yield net
        finally:
            net.alice.joint.close()
            net.bob.joint.close()
            for router in routers:
                router.close()
