"""Nodes with real routers and agents behind real doors on loopback, and setup nodes that order them."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from components.mesh.aead import Cipher
from components.mesh.builder import Builder
from components.mesh.doors import Bounds, Door, Doors, bind
from components.mesh.errors import Unreachable
from components.mesh.pool import Pool
from components.mesh.ports import MeshPort
from components.mesh.session import Session, dial
from components.mesh.setup import Create, End, Hop
from components.mesh.transport import TransportType, transport_id
from components.node_manager.setup.node import SetupNode
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from components.visor.plane.table import Plan
from components.visor.setup.agent import Agent
from components.visor.setup.client import STAGGER_S, Granted, SetupClient, Wanted, own_plan
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.planes import Sink, joined

GROUP = b"g" * 16
BOUNDS = Bounds(half_open_each=256)
_seeds = itertools.count(1)
_names: dict[int, Identity] = {}


def identity(number: int) -> Identity:
    """One of a few identities that are made once: each costs several draws."""
    while number not in _names:
        made = Identity(next(_seeds).to_bytes(32, "big"))
        if not made.public_key[31] & 0x80:
            _names[len(_names)] = made
    return _names[number]


def over(count: int) -> Create:
    """A request for a route over so many nodes, identities 0, 1, ..."""
    keys = [identity(number).public_key for number in range(count)]
    hops = tuple(
        Hop(transport_id(one, other, TransportType.STCPR).bytes, one, other)
        for one, other in itertools.pairwise(keys)
    )
    return Create(bytes(16), bytes(16), 3, Cipher.CHACHA, hops)


@dataclass(eq=False)
class Visor:
    """One node: its router, links by transport, and the ends made in it. Also its `Transports` and `Ends`."""

    identity: Identity
    router: Router
    links: dict[uuid.UUID, Link] = field(default_factory=dict)
    ends: list[tuple[End, Sink]] = field(default_factory=list)
    refuse: Exception | None = None
    agent: Agent = field(init=False)

    @property
    def key(self) -> PublicKey:
        return self.identity.public_key

    def by_id(self, id: uuid.UUID) -> Link | None:
        return self.links.get(id)

    def respond(self, peer: PublicKey, group: bytes, number: int, cipher: Cipher, plan: Plan) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.ends.append((End(peer, group, number, cipher), self.put(plan)))

    def put(self, plan: Plan) -> Sink:
        sink = Sink()
        sink.leg = self.router.install(plan, sink).legs[0]
        return sink

    async def until_routes(self, count: int) -> None:
        """Until the router holds so many."""
        async with asyncio.timeout(10):
            while len(self.router.routes()) != count:
                await asyncio.sleep(0.002)


@dataclass
class World:
    """Visors in a row, and where each key answers."""

    visors: list[Visor]
    places: dict[PublicKey, tuple[str, int]] = field(default_factory=dict)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def hops(self, *numbers: int) -> tuple[Hop, ...]:
        """The route over these visors."""
        found = []
        for one, other in itertools.pairwise(numbers or range(len(self.visors))):
            ends = self.visors[one].key, self.visors[other].key
            found.append(Hop(transport_id(*ends, TransportType.STCPR).bytes, *ends))
        return tuple(found)

    def wanted(self, *numbers: int, drawn: Callable[[], int] | None = None) -> Wanted:
        """A route over these visors."""
        number = drawn or itertools.count(1).__next__
        return Wanted(group=GROUP, cipher=Cipher.AES, hops=self.hops(*numbers), number=number)

    async def dial(self, own: Identity, port: int, peer: PublicKey) -> Session:
        if peer not in self.places:
            raise Unreachable(peer.hex(), "it has no known address")
        return await dial(self.places[peer], own, peer, port)

    async def serve(self, own: Identity, doors: Mapping[int, Door]) -> asyncio.Task[None]:
        """Doors at an address of their own; cancelling the task closes them."""
        listener = bind("127.0.0.1", 0)
        self.places[own.public_key] = listener.getsockname()
        self.stack.callback(listener.close)  # where a test ends before it was served
        tasks = await self.stack.enter_async_context(asyncio.TaskGroup())
        task = tasks.create_task(Doors(listener, own, doors, BOUNDS).serve())
        self.stack.callback(task.cancel)
        return task

    async def pool(self, own: Identity, port: int) -> Pool:
        """Channels from `own`."""
        return await self.stack.enter_async_context(Pool(partial(self.dial, own, port)))

    async def setup_node(
        self, own: Identity, allowed: Collection[PublicKey] | None = None, *, hop_s: float = 4.0
    ) -> SetupNode:
        """A setup node that answers."""
        pool = await self.pool(own, MeshPort.SETUP_HOP)
        builder = await self.stack.enter_async_context(Builder(pool, hop_s=hop_s))
        node = SetupNode(builder, allowed)
        await self.serve(own, {MeshPort.SETUP_NODE: node.door})
        return node

    async def client(self, *nodes: PublicKey, visor: int = 0, stagger_s: float = STAGGER_S) -> SetupClient:
        """The first visor's."""
        own = self.visors[visor].identity
        pool = await self.pool(own, MeshPort.SETUP_NODE)
        return await self.stack.enter_async_context(
            SetupClient(own.public_key, pool, nodes, stagger_s=stagger_s)
        )

    def installs(self, visor: int = 0) -> Callable[[Granted], None]:
        """Puts the initiator's leg in; its sink is in `ends`."""
        first = self.visors[visor]

        def install(granted: Granted) -> None:
            end = End(first.key, GROUP, granted.number, Cipher.AES)
            first.ends.append((end, first.put(own_plan(granted, first))))

        return install


@asynccontextmanager
async def world(
    count: int, allowed: Collection[PublicKey], *, direct: bool = False, serve: bool = True
) -> AsyncIterator[World]:
    """So many visors in a row (identities 0, 1, ...) which take orders from `allowed`."""
    loop = asyncio.get_running_loop()
    visors = [Visor(identity(number), Router(loop)) for number in range(count)]
    for left, right in itertools.pairwise(visors):
        links = joined(left.router, right.router)
        id = transport_id(left.key, right.key, TransportType.STCPR)
        left.links[id], right.links[id] = links
    made = World(visors)
    async with made.stack:
        for visor in visors:
            visor.agent = Agent(visor.key, visor.router, visor, visor, allowed, direct=lambda caller: direct)
            made.stack.callback(visor.router.close)
            if serve:
                await made.serve(visor.identity, {MeshPort.SETUP_HOP: visor.agent.door})
        yield made
