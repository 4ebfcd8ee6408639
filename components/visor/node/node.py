"""One visor: its parts put together, in an `async with` that leaves nothing running.

async with Node.running(identity, options, around) as node:
    ...                          # node.links, node.groups, node.apps, node.network

listener -> Links -> Router -> Groups -> Mesh -> AppServer -> apps
setup nodes -> Agent -> Router, Groups           Groups -> Maker -> setup nodes, or the neighbour's link
node managers <- Network -> Groups               messengers <-> Relay -> Links
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self

from components.mesh.builder import Builder, RouteFailed
from components.mesh.channel import Nothing
from components.mesh.doors import Door, bind
from components.mesh.errors import CallerError, MeshError, reason
from components.mesh.mailbox import Mailbox
from components.mesh.pool import Pool
from components.mesh.ports import MeshPort
from components.mesh.reach import Address, Reach
from components.mesh.relay import Relay
from components.mesh.roster import Messenger
from components.mesh.services import Services
from components.mesh.setup import CLOSE, ORDER_BYTES, Close
from components.mesh.transport import SignedEntry, TransportType
from components.visor.apps.farapps import FarApps
from components.visor.apps.node import Named
from components.visor.apps.server import AppServer
from components.visor.book import Book
from components.visor.groups.groups import Groups
from components.visor.groups.upkeep import Install, Order, RouteMaker
from components.visor.links.backoff import Backoff
from components.visor.links.interfaces import watching
from components.visor.links.manager import Links
from components.visor.meter.limits import LAST_S
from components.visor.meter.meter import Meter
from components.visor.node.around import Around
from components.visor.node.mail import Mail
from components.visor.node.mesh import Inbound, Mesh
from components.visor.node.network import Network
from components.visor.node.ondemand import OnDemand
from components.visor.node.options import Options
from components.visor.node.post import Post
from components.visor.node.refusals import Refusals
from components.visor.node.wayless import Wayless
from components.visor.plane.joint import Joint
from components.visor.plane.router import Router
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.limits import RECEIVING_BUDGET, SENDING_BUDGET
from components.visor.plane.streams.store import Pool as Buffers
from components.visor.setup.agent import Agent
from components.visor.setup.client import SetupClient
from components.visor.setup.direct import DirectSetup, signing
from components.visor.setup.maker import Maker
from components.visor.setup.neighbour import LinkCalls
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

ANNOUNCE_S: Final = 100.0  # a third of an entry's lease
STOP_S: Final = 3.0
RETRY_S: Final = (0.25, 10.0)  # doubling: a node manager that is started with us is there at once
DRAIN_S: Final = 1.5  # at the end, for what apps wrote
PART_S: Final = 1.0  # then, for the ends of streams
LOOK_S: Final = 0.01
CALM: Final = 3  # looks in a row that find nothing on its way


class Node:
    """The parts of a running visor, for who asks about them."""

    links: Links
    groups: Groups
    apps: AppServer
    meter: Meter
    network: Network
    relay: Relay

    def __init__(self, identity: Identity, options: Options, around: Around) -> None:
        self.identity = identity
        self.options = options
        self.around = around
        self.book = Book(options.state / "book.json")
        self.refusals = Refusals()
        self.unannounced = ""  # why the directory did not take our entry, the last time
        self.router = Router(asyncio.get_running_loop())
        self.tasks = asyncio.TaskGroup()
        self._background: set[asyncio.Task[None]] = set()
        self._began = asyncio.get_running_loop().time()
        self.wayless = Wayless(self.key, self.book, lambda: bool(self.router.links))

    @classmethod
    @asynccontextmanager
    async def running(cls, identity: Identity, options: Options, around: Around) -> AsyncIterator[Self]:
        """A visor that takes links and apps. Raises `MeshError` or `OSError` when it cannot begin."""
        options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        node = cls(identity, options, around)
        try:
            async with AsyncExitStack() as stack:
                stack.callback(node.router.close)
                await stack.enter_async_context(node.tasks)
                stack.callback(node._cancel)
                await node._build(stack)
                stack.push_async_callback(node._stop)  # before what the tasks use is closed
                yield node
        except BaseExceptionGroup as group:
            raise _only(group) from None

    @property
    def key(self) -> PublicKey:
        """The public key."""
        return self.identity.public_key

    @property
    def age_s(self) -> float:
        """Seconds since this node began."""
        return asyncio.get_running_loop().time() - self._began

    @property
    def address(self) -> Address | None:
        """Where links are taken."""
        return self.links.address

    def named(self, text: str) -> Named:
        """Whom a text means: a key, a label, the first digits of a known key. Raises `MeshError`."""
        key = self.book.resolve(text, self._known())
        return Named(key, self.book.label(key))

    def _known(self) -> Iterator[PublicKey]:
        """Keys whose first digits are enough, besides those with a label."""
        yield self.key
        yield from (link.peer for link in self.router.links.values())
        yield from (joint.peer for joint in self.groups.joints())

    # -- building

    async def _build(self, stack: AsyncExitStack) -> None:
        services = None
        if self.around.managers:
            services = await stack.enter_async_context(Services(self.identity, self.around.managers))
        clock = asyncio.get_running_loop().time
        self.network = Network(self.key, services, self._entries, clock)
        doors: dict[int, Door] = {}
        self.links = Links(
            self.identity,
            self.router,
            listener=self._listener(),
            doors=doors,
            directory=self.network,
            relay=_ByMessenger(self),
            registrar=self.network,
            folder=self.options.state,
        )
        mesh = Mesh(self.key, self.tasks)
        meter = Meter(self.identity, self.options.state, self._joints)
        self.meter = await stack.enter_async_context(meter)
        await self._build_groups(stack, mesh, doors)
        self.post = Post(self.key)
        self.mail = Mail(self.post.changed)
        own, port, beside = self.options.app_socket, self.options.app_port, self.options.app_beside
        self.apps = AppServer(own, mesh, port=port, beside=beside, names=self.named, mail=self.mail)
        self.apps.tell(self.meter.opened)
        doors[MeshPort.CONTROL] = FarApps(self.apps.adopt, self.options.app_allow).door
        await stack.enter_async_context(self.links)
        stack.enter_context(watching(self.router.loop, self.links.hurry))
        await self._build_post(stack)
        self.relay = Relay(
            self.identity,
            self.links.doors_of(TransportType.DMSG),
            self.around.messengers,
            methods=self.mailbox.methods,
            changed=self._moved,
        )
        self.mailbox.use(self.relay)
        await stack.enter_async_context(self.apps)
        on_demand = OnDemand(self.links, self.network)
        mesh.between(self.groups, self.apps, self.meter.heard, self.wayless.told, on_demand.link)
        self.mesh = mesh
        self._begin()

    async def _build_groups(self, stack: AsyncExitStack, mesh: Mesh, doors: dict[int, Door]) -> None:
        memory = Memory(Buffers(), Budget(SENDING_BUDGET), Budget(RECEIVING_BUDGET))
        makers = _Makers(self)
        self.groups = Groups(
            self.router, self.identity, memory, self.network, makers, Inbound(mesh), self.tasks
        )
        stack.callback(self.groups.close)
        self.agent = Agent(
            self.key,
            self.router,
            self.links,
            self.groups,
            frozenset(self.around.setup_nodes),
            direct=self._may_order,
        )
        doors[MeshPort.SETUP_HOP] = self.agent.door
        calls = LinkCalls(self.links, self.agent)
        self.router.heard = calls.heard
        near = await stack.enter_async_context(signing(calls, self.identity))
        makers.near = Maker(DirectSetup(self.key, near), self.links)
        makers.far = Maker(await self._far(stack), self.links)
        self.links.watch(lambda change: self._links_changed())

    def _links_changed(self) -> None:
        self.network.links_changed()
        self.groups.network_changed()

    async def _build_post(self, stack: AsyncExitStack) -> None:
        path = self.options.state / "letters.db"
        self.mailbox = Mailbox(self.identity, path, self._messengers_of, changed=self.mail.changed)
        self.post.use(self.mailbox)
        self.mail.use(self.mailbox)
        await stack.enter_async_context(self.mailbox)

    async def _far(self, stack: AsyncExitStack) -> SetupClient | DirectSetup:
        """Who sets up routes of several hops."""
        port = MeshPort.SETUP_HOP if self.options.direct else MeshPort.SETUP_NODE
        reach = Reach(self.identity, port, self._lookup, _ByMessenger(self).dial)
        pool = self._setup_pool = await stack.enter_async_context(Pool(reach))
        if self.options.direct:
            builder: Builder = await stack.enter_async_context(signing(pool, self.identity))
            return DirectSetup(self.key, builder)
        client = SetupClient(self.key, pool, tuple(self.around.setup_nodes))
        return await stack.enter_async_context(client)

    def _joints(self) -> Sequence[Joint]:
        """The groups that are open."""
        return self.groups.joints()

    def _entries(self) -> list[SignedEntry]:
        """Our own transports that are up."""
        return self.links.entries()

    def _listener(self) -> socket.socket:
        host, port = self.options.listen
        try:
            return bind(host, port)
        except OSError as exc:
            raise CallerError(f"cannot listen at {host}:{port}: {reason(exc)}") from exc

    # -- deciding

    def _may_order(self, caller: PublicKey) -> bool:
        """Neighbours may order routes that end here; others only where rules of initiators are allowed."""
        return self.options.direct or bool(self.links.by_peer(caller))

    async def _lookup(self, peer: PublicKey) -> list[Address]:
        """Where to call a node: as configured, else by its entry. Raises `MeshError`."""
        given = self.around.setup_nodes.get(peer)
        return [given] if given is not None else list(await self.network.addresses(peer))

    async def _messengers_of(self, peer: PublicKey) -> Sequence[Messenger]:
        """Where a letter can be left: where its receiver is present, else where we are ourselves."""
        try:
            return await self.network.messengers_of(peer)
        except MeshError:
            if not self.relay.present:
                raise
            return tuple(self.relay.present)

    async def ask_setup(self, key: PublicKey, deadline_s: float) -> None:
        """Have a setup node answer something that changes nothing. Raises `MeshError`."""
        unheard_of = Close(secrets.token_bytes(ORDER_BYTES))
        await self._setup_pool.call(key, CLOSE, unheard_of, Nothing, deadline_s=deadline_s)

    # -- going on

    def _begin(self) -> None:
        self._moving = asyncio.Event()
        self.spawn(self.groups.run())
        self.spawn(self.meter.run())
        self.spawn(self._announce_forever())
        if self.around.messengers:
            self.spawn(self.relay.run())
            self.spawn(self.mailbox.run())
            self.spawn(self.post.run())
        if self.network.atlas is not None:
            self.spawn(self.network.atlas.refresh_forever())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """A task that ends with the node."""
        task = self.tasks.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _cancel(self) -> None:
        for task in tuple(self._background):
            task.cancel()

    async def _stop(self) -> None:
        """No task of ours runs any more, or it does not hear."""
        self._cancel()
        if self._background:
            await asyncio.wait(tuple(self._background), timeout=STOP_S)

    async def drain(self) -> None:
        """Wait until what apps wrote has arrived, hang up on apps, and let the peers hear; not for long."""
        await _calm(lambda: self.groups.quiet, DRAIN_S)
        self.apps.hang_up()
        await _calm(lambda: self.groups.idle, PART_S)
        await self.meter.settle(LAST_S)

    def _moved(self) -> None:
        """Our messengers are others now: the entry tells them."""
        self._moving.set()

    async def _announce_forever(self) -> None:
        again = Backoff(random.random, first_s=RETRY_S[0], longest_s=RETRY_S[1])
        while True:
            self._moving.clear()
            relays = [messenger.key for messenger in self.relay.present]
            try:
                await self.network.announce(self.advertised(), relays, self.options.alias)
            except MeshError as exc:
                log.info("the directory does not know us yet: %s", exc)
                self.unannounced = str(exc)
                delay = again.next_delay()
            else:
                self.unannounced = ""
                delay = ANNOUNCE_S * random.uniform(0.9, 1.0)  # noqa: S311 - no secret
                again.reset()
            try:
                async with asyncio.timeout(delay):
                    await self._moving.wait()
            except TimeoutError:
                continue

    def advertised(self) -> tuple[str, ...]:
        """The addresses our entry tells: those of the options, else the listener's own where it has one."""
        if self.options.advertise or self.links.address is None:
            return self.options.advertise
        host, port = self.links.address
        return () if host in ("0.0.0.0", "::") else (f"{host}:{port}",)  # noqa: S104 - compared, not bound


async def _calm(probe: Callable[[], bool], patience_s: float) -> None:
    """Until it holds for some looks in a row, or the patience ends."""
    clock = asyncio.get_running_loop().time
    end, calm = clock() + patience_s, 0
    while calm < CALM and clock() < end:
        calm = calm + 1 if probe() else 0
        await asyncio.sleep(LOOK_S)


class _ByMessenger:
    """Reaches nodes through the messengers they are present at, else through ours."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def dial(self, peer: PublicKey) -> socket.socket:
        """A connected socket. Raises `MeshError`."""
        try:
            via = await self._node.network.messengers_of(peer)
        except MeshError:
            via = ()
        return await self._node.relay.dial(peer, via)


class _Makers:
    """One hop is ordered over the link itself, more by a setup node; what fails is kept in mind."""

    near: RouteMaker
    far: RouteMaker

    def __init__(self, node: Node) -> None:
        self._node = node

    async def create(self, order: Order, install: Install) -> int:
        """The route's number. Raises `MeshError`."""
        maker = self.near if len(order.path.hops) == 1 else self.far
        try:
            number = await maker.create(order, install)
        except RouteFailed as exc:
            self._node.refusals.note(order.peer, exc.failure, self._node.router.loop.time())
            raise
        self._node.refusals.over(order.peer)
        return number


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one fault in a group of groups, or the group where there are several."""
    fault: BaseException = group
    while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    return fault
