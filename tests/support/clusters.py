"""Clusters in memory: hosts that a gateway asks, and two gateways with a way between them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.audits import AuditInMemory
from tests.support.fake_world import FakeWorld, instance
from viscript.cluster.links.api import Caller, HostAway, HostState, Reach, Stream, StreamRefused
from viscript.cluster.pairing.bymesh import NoMesh
from viscript.cluster.peering.fanout import Fanout
from viscript.cluster.peering.gate import Gate
from viscript.cluster.peering.gateway import Gateway
from viscript.cluster.peering.guest import Guests
from viscript.cluster.peering.register import Register
from viscript.cluster.peering.seat import serve
from viscript.cluster.peering.standing import Peering
from viscript.cluster.peering.ways import NoWay, Way, Ways
from viscript.daemon.tasks import Tasks
from viscript.store.memory import Memory
from viscript.verbs.table import Role


class End:
    """One end of a stream in memory."""

    def __init__(self) -> None:
        self.other: End
        self.meta: Mapping[str, str] = {}
        self.closed: tuple[str, str] | None = None
        self._inbox: asyncio.Queue[bytes | Exception] = asyncio.Queue(64)

    async def read(self) -> bytes:
        found = await self._inbox.get()
        if isinstance(found, Exception):
            raise found
        return found

    async def write(self, data: bytes) -> None:
        await self.other._inbox.put(data)

    def end(self) -> None:
        self.other._inbox.put_nowait(b"")

    async def close(self, code: str = "", text: str = "") -> None:
        if self.closed is None:
            self.closed = (code, text)
            self.other._inbox.put_nowait(StreamRefused(code, text) if code else b"")


def stream() -> tuple[End, End]:
    """Both ends."""
    one, two = End(), End()
    one.other, two.other = two, one
    return one, two


async def carried(work: Coroutine[Any, Any, Any]) -> Any:  # Any: what it gives
    return await work


class GuestHost:
    """A host of a cluster with apps in memory."""

    def __init__(self, label: str, *apps: str, role: Role = Role.ADMIN, local: bool = False) -> None:
        self.world = FakeWorld(*(instance(seq, app) for seq, app in enumerate(apps, 1)))
        self.world.audit = AuditInMemory()
        self.guests = Guests(self.world, carried)
        self.role = role  # of the gateway, on this host
        self.away = False
        self.row = HostState(
            label=label,
            key=PublicKey(label.encode().ljust(32, b".")),
            state=Reach.UP,
            local=local,
            labels={"zone": label},
        )


class GuestLinks:
    """Links of a gateway to such hosts."""

    trouble = ""

    def __init__(self, tasks: Tasks, *hosts: GuestHost) -> None:
        self._tasks = tasks
        self.of = {host.row.key: host for host in hosts}
        self.kinds: list[str] = []

    def serve(self, kind: str, handler: object) -> None:
        """Nobody asks this host."""

    def on_change(self, callback: object) -> Callable[[], None]:
        """Nothing changes."""
        return lambda: None

    def hosts(self) -> list[HostState]:
        return [host.row for host in self.of.values()]

    async def open(self, key: PublicKey, kind: str, deadline: float, meta: object = None) -> Stream:
        host = self.of[key]
        self.kinds.append(kind)
        if host.away:
            raise HostAway(host.row.label, key, "gone")
        near, far = stream()

        async def serving() -> None:
            await serve(host.guests, far, Caller(key=PublicKey(bytes(32)), label="gateway", role=host.role))
            await far.close()

        self._tasks.run(serving())
        return near


class OneBook:
    """What a gateway needs of the book of its host."""

    def __init__(self, key: Identity | None) -> None:
        self.key = key

    @property
    def is_founder(self) -> bool:
        return self.key is not None

    def signer(self) -> Identity | None:
        return self.key


class Side:
    """The gateway of one cluster, with hosts in memory, reached at loopback."""

    def __init__(self, name: str, key: Identity, tasks: Tasks, memory: Memory) -> None:
        self.name, self.key, self.port = name, key, 1
        self.here = GuestHost(name, "web", "db", local=True)
        self.there = GuestHost(f"{name}-2", "web")
        self.links = GuestLinks(tasks, self.here, self.there)
        self.register = Register(memory)
        self.ways = Loopback()
        self.published: list[PublicKey] = []
        self.told: list[tuple[str, str]] = []
        self.register.listen(lambda before, after: self.told.append((before.standing, after.standing)))
        self.gateway = Gateway(
            book=OneBook(key),  # type: ignore[arg-type]  # all that it asks
            register=self.register,
            fanout=Fanout(self.here.guests, lambda: self.links),
            ways=self.ways,
            gate=lambda made: Gate(
                tasks.run, made.own, made.reply, NoMesh, "/nowhere", is_wanted=made.is_wanted
            ),
            label=lambda: name,
            addresses=lambda: (),
            found=self._found,
        )

    async def _found(self, key: Identity) -> None:
        self.published.append(key.public_key)

    def open(self) -> None:
        """Be reached, at a port that nobody else has."""
        with socket.create_server(("127.0.0.1", 0)) as found:
            free = int(found.getsockname()[1])
        self.port = self.gateway.gate.listen(free)

    @property
    def key_of(self) -> PublicKey:
        return self.key.public_key


class Loopback(Ways):
    """Every cluster that listens is at loopback."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[PublicKey, Side] = {}

    @property
    def visor(self) -> str:
        return "ab" * 32

    async def to(self, one: Peering) -> AsyncGenerator[Way, None]:
        side = self.at.get(one.key)
        if side is None:
            raise NoWay("nobody knows where that is")
        async for way in Ways().to(Peering(key=one.key, at=(f"tcp://127.0.0.1:{side.port}",))):
            yield way


@asynccontextmanager
async def two_clusters(folder: Path, one: Identity, two: Identity) -> AsyncIterator[tuple[Side, Side]]:
    """Two gateways that find one another by key."""
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(Tasks())
        sides: list[Side] = []
        for name, key in (("a", one), ("b", two)):
            memory = Memory(folder / f"{name}.db")
            memory.open()
            stack.callback(memory.close)
            side = Side(name, key, tasks, memory)
            await side.register.open()
            side.open()
            stack.callback(side.gateway.gate.close)
            for host in (side.here, side.there):
                stack.callback(host.world.audit.close)
            sides.append(side)
        for side in sides:
            side.ways.at = {other.key_of: other for other in sides}
        yield sides[0], sides[1]
