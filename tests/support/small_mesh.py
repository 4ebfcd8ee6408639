"""A mesh in one process: real routers, links and groups; its finder and its setup see all of it at once."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from components.mesh.endtoend import RouteName
from components.mesh.errors import RemoteError
from components.visor.groups.groups import Groups, refuse
from components.visor.groups.path import Hop, Path, Policy
from components.visor.groups.upkeep import Install, Order
from components.visor.plane.joint import Joint
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.limits import RECEIVING_BUDGET, SENDING_BUDGET
from components.visor.plane.streams.store import Pool
from components.visor.plane.table import InstallError, LegPlan, Plan
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey
from tests.support.joints import app_pair
from tests.support.planes import joined


class Node:
    """One node; `incoming` holds our end of each stream that came to `port`, `messages` what came."""

    def __init__(self, mesh: SmallMesh) -> None:
        self.identity = Identity(draw())
        self.router = Router(asyncio.get_running_loop())
        memory = Memory(Pool(), Budget(SENDING_BUDGET), Budget(RECEIVING_BUDGET))
        self.groups = Groups(
            self.router, self.identity, memory, Finder(mesh, self), Maker(mesh, self), self, mesh.tasks
        )
        self.incoming: asyncio.Queue[socket.socket] = asyncio.Queue()
        self.messages: list[bytes] = []
        self.port = 7

    @property
    def key(self) -> PublicKey:
        return self.identity.public_key

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        if port != self.port:
            refuse(joint, stream)
            return
        ours, theirs = app_pair()
        if joint.accept(stream, theirs, lambda code: None) is not None:
            self.incoming.put_nowait(ours)

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        self.messages.append(bytes(body))


class SmallMesh:
    """Nodes and the links between them; a context manager that leaves nothing."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.links: dict[uuid.UUID, tuple[Node, Link, Node, Link]] = {}
        self.orders: list[Path] = []
        self.fault: Callable[[Path], str] = lambda path: ""
        self._stack = AsyncExitStack()
        self._ids = itertools.count(1)

    async def __aenter__(self) -> Self:
        self.tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._runs: list[asyncio.Task[None]] = []
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in self._runs:
            run.cancel()
        await self._stack.aclose()
        for node in self.nodes:
            node.router.close()
            while not node.incoming.empty():
                node.incoming.get_nowait().close()

    def node(self) -> Node:
        made = Node(self)
        self.nodes.append(made)
        self._runs.append(self.tasks.create_task(made.groups.run()))
        return made

    def link(self, one: Node, other: Node) -> uuid.UUID:
        near, far = joined(one.router, other.router)
        id = uuid.uuid4()
        self.links[id] = (one, near, other, far)
        for node in (one, other):
            node.groups.network_changed()
        return id

    def cut(self, id: uuid.UUID) -> None:
        one, near, other, _ = self.links.pop(id)
        near.close("cut")
        for node in (one, other):
            node.groups.network_changed()

    def neighbours(self, node: Node) -> Iterator[tuple[uuid.UUID, Node]]:
        for id, (one, near, other, _) in self.links.items():
            if not near.closed and node in (one, other):
                yield id, other if node is one else one

    def end(self, id: uuid.UUID, node: Node) -> Link:
        one, near, _, far = self.links[id]
        return near if node is one else far

    def by_key(self, key: PublicKey) -> Node:
        return next(node for node in self.nodes if node.key == key)

    def route_id(self) -> int:
        return next(self._ids)


class Finder:
    """All simple paths, shortest first."""

    def __init__(self, mesh: SmallMesh, node: Node) -> None:
        self._mesh, self._node = mesh, node

    async def paths(self, peer: PublicKey, policy: Policy, count: int) -> Sequence[Path]:
        found: list[Path] = []
        self._walk(self._node, peer, (), found)
        found.sort(key=lambda path: path.cost)
        return [path for path in found if len(path.hops) >= policy.min_hops][: max(count, 8)]

    def _walk(self, at: Node, peer: PublicKey, hops: tuple[Hop, ...], found: list[Path]) -> None:
        if at.key == peer:
            found.append(Path(hops, 100 * len(hops)))
            return
        seen = {self._node.key, *(hop.target for hop in hops)}
        for id, other in self._mesh.neighbours(at):
            if other.key not in seen:
                self._walk(other, peer, (*hops, Hop(id, at.key, other.key)), found)


class Maker:
    """Installs the rules of a route at all hops but the first."""

    def __init__(self, mesh: SmallMesh, node: Node) -> None:
        self._mesh, self._node = mesh, node

    async def create(self, order: Order, install: Install) -> int:
        mesh, path, number = self._mesh, order.path, order.number()
        name = RouteName(self._node.key, order.peer, order.group, number, order.cipher)
        mesh.orders.append(path)
        if text := mesh.fault(path):
            raise RemoteError("setup", text)
        await asyncio.sleep(0)
        ids = [(mesh.route_id(), mesh.route_id()) for _ in path.hops]
        try:
            self._install(name, path, ids)
        except (InstallError, KeyError) as exc:
            raise RemoteError("setup", str(exc)) from exc
        forward, back = ids[0]
        own = mesh.end(path.hops[0].transport, self._node)
        leg = LegPlan(link=own.number, in_id=back, out_id=forward)
        try:
            install(number, Plan(legs=(leg,), owner=b"setup"))
        except InstallError as exc:
            raise RemoteError("setup", str(exc)) from exc
        return number

    def _install(self, name: RouteName, path: Path, ids: list[tuple[int, int]]) -> None:
        for index in reversed(range(len(path.hops))):
            node = self._mesh.by_key(path.hops[index].target)
            forward, back = ids[index]
            before = self._mesh.end(path.hops[index].transport, node)
            legs = [LegPlan(link=before.number, in_id=forward, out_id=back)]
            if index + 1 == len(path.hops):
                plan = Plan(legs=tuple(legs), owner=b"setup")
                node.groups.respond(name.initiator, name.group, name.number, name.cipher, plan)
                continue
            after = self._mesh.end(path.hops[index + 1].transport, node)
            forward, back = ids[index + 1]
            legs.append(LegPlan(link=after.number, in_id=back, out_id=forward))
            node.router.install(Plan(legs=tuple(legs), owner=b"setup"))


def token() -> bytes:
    return secrets.token_bytes(8)
