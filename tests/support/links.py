"""Nodes with transports in one process, over real sockets; and time that passes when a test says so."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.mesh.doors import Bounds, bind, show_in
from components.mesh.entry import VERSION, NodeEntry
from components.mesh.errors import Unreachable
from components.mesh.keys import hex66
from components.mesh.session import hear
from components.mesh.transport import TransportType
from components.visor.links.api import Change, Directory, Registrar, Relay, everybody
from components.visor.links.manager import Links
from components.visor.plane.loop import Loop
from components.visor.plane.router import Router
from signal_bus.identity import Identity, is_usable
from signal_bus.ids import PublicKey


def identities() -> Iterator[Identity]:
    """Identities the generator could draw, always the same ones."""
    for number in itertools.count(1):
        identity = Identity(number.to_bytes(32, "big"))
        if is_usable(identity.public_key):
            yield identity


class _Due:
    """A call of stepped time."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class SteppedLoop:
    """The running loop's sockets, with a clock of our own."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = 1000.0
        self._due: list[tuple[float, int, _Due]] = []
        self._numbers = itertools.count()
        self.add_reader = self._loop.add_reader
        self.remove_reader = self._loop.remove_reader
        self.add_writer = self._loop.add_writer
        self.remove_writer = self._loop.remove_writer
        self.call_soon = self._loop.call_soon

    def time(self) -> float:
        return self._now

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> _Due:
        due = _Due(lambda: callback(*args))
        heapq.heappush(self._due, (self._now + delay, next(self._numbers), due))
        return due

    def pass_(self, seconds: float) -> None:
        """Make all calls that are due within that time, in their order."""
        end = self._now + seconds
        while self._due and self._due[0][0] <= end:
            self._now, _, due = heapq.heappop(self._due)
            if due.call is not None:
                due.call()
        self._now = end


@dataclass
class Node:
    """One node, and what its transports told."""

    identity: Identity
    router: Router
    links: Links
    told: list[Change] = field(default_factory=list)

    @property
    def key(self) -> PublicKey:
        return self.identity.public_key

    @property
    def address(self) -> str:
        assert self.links.address is not None
        return "{}:{}".format(*self.links.address)

    @property
    def up(self) -> int:
        return sum(row.up for row in self.links.rows())


@asynccontextmanager
async def node(
    identity: Identity,
    *,
    port: int | None = 0,
    loop: Loop | None = None,
    directory: Directory | None = None,
    relay: Relay | None = None,
    registrar: Registrar | None = None,
    folder: Path | None = None,
    bounds: Bounds | None = None,
    allow: Callable[[PublicKey], bool] = everybody,
) -> AsyncIterator[Node]:
    """A node that takes links at a port of the loopback; at none where it is None."""
    router = Router(loop or asyncio.get_running_loop())
    links = Links(
        identity,
        router,
        listener=None if port is None else bind("127.0.0.1", port),
        directory=directory,
        relay=relay,
        registrar=registrar,
        folder=folder,
        bounds=bounds,
        allow=allow,
    )
    try:
        async with links:
            made = Node(identity, router, links)
            links.watch(made.told.append)
            yield made
    finally:
        router.close()


class Book:
    """A directory: who has which addresses."""

    def __init__(self, addresses: dict[PublicKey, tuple[str, ...]]) -> None:
        self.addresses = addresses

    async def entry(self, peer: PublicKey) -> NodeEntry | None:
        if peer not in self.addresses:
            return None
        return NodeEntry(
            version=VERSION, sequence=0, timestamp=0, static=hex66(peer), addresses=self.addresses[peer]
        )


class Exchange:
    """Messengers in the small."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.tasks = tasks
        self.nodes: dict[PublicKey, tuple[Identity, Links]] = {}

    def relay(self) -> Relay:
        return _Relay(self)


class _Relay:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def _bring(self, sock: socket.socket, identity: Identity, there: Links) -> None:
        await show_in(await hear(sock, identity), there.doors_of(TransportType.DMSG))

    async def dial(self, peer: PublicKey) -> socket.socket:
        there = self._exchange.nodes.get(peer)
        if there is None:
            raise Unreachable(peer.hex(), "no messenger knows it")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self._exchange.tasks.create_task(self._bring(theirs, *there))
        return ours


@contextmanager
def silent_listener() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield "{}:{}".format(*listener.getsockname())
