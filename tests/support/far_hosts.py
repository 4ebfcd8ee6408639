"""Several hosts in one process, each with a world in memory and a real door, joined by fake links."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from signal_bus.ids import PublicKey
from tests.support.distant import SocketStream
from tests.support.fake_world import FakeWorld
from tests.support.verbs import Said, say
from viscript.cluster.far.far import Far
from viscript.cluster.links.api import Handler, HostAway, HostState, Kind, Reach
from viscript.door.server import Door
from viscript.verbs.table import Role


def key_of(label: str) -> PublicKey:
    """The key of a host in these tests."""
    return PublicKey(label.encode().ljust(32, b"."))


def state(label: str, *, local: bool = False, **facts: Any) -> HostState:
    """A host that is up."""
    given: dict[str, Any] = {"state": Reach.UP, "age_seconds": 0.0, "last_seen": 1e6, "path": "direct"}
    return HostState(label=label, key=key_of(label), local=local, **(given | facts))


class FakeStream:
    """Bytes through a socketpair."""

    def __init__(self, host: "FakeHost", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self.closed = False

    @property
    def meta(self) -> Mapping[str, str]:
        return {}

    async def read(self) -> bytes:
        """The next bytes; none come while the host is frozen, and it is away once it is lost."""
        reading = asyncio.ensure_future(self._reader.read(4096))  # noqa: TID251, RUF100
        lost = asyncio.ensure_future(self._host.lost.wait())  # noqa: TID251, RUF100
        try:
            await asyncio.wait((reading, lost), return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                raise HostAway(self._host.label, key_of(self._host.label), "the link broke")
            await self._host.thawed.wait()
            return reading.result()
        finally:
            reading.cancel()
            lost.cancel()

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def end(self) -> None:
        self._writer.write_eof()

    async def close(self, code: str = "", text: str = "") -> None:
        if self.closed:
            return  # who was cancelled in the wait below has cancelled what others would wait for
        self.closed = True
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@dataclass
class FakeHost:
    """One host: its world, its door, how others see it."""

    label: str
    world: FakeWorld
    facts: HostState
    role: Role = Role.ADMIN
    door: Door | None = None
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    thawed: asyncio.Event = field(default_factory=asyncio.Event)
    streams: list[FakeStream] = field(default_factory=list)
    answers: Callable[[socket.socket], Any] | None = None  # in place of the door

    def freeze(self) -> None:
        """It answers no more; nobody has noticed yet."""
        self.thawed.clear()

    def lose(self, age: float = 20.0) -> None:
        """It is noticed to be down; what was under way breaks."""
        self.facts = replace(self.facts, state=Reach.DOWN, age_seconds=age)
        self.lost.set()


class FakeLinks:
    """Links from one host to all."""

    trouble = ""

    def __init__(
        self, own: str, all_hosts: Sequence[FakeHost], group: asyncio.TaskGroup | None = None
    ) -> None:
        self._own = own
        self._hosts = {host.label: host for host in all_hosts}
        self._group = group
        self._listeners: list[Callable[[HostState], None]] = []

    def hosts(self) -> list[HostState]:
        found = [replace(host.facts, local=host.label == self._own) for host in self._hosts.values()]
        return sorted(found, key=lambda one: (not one.local, one.label))

    async def open(
        self, key: PublicKey, kind: Kind, deadline: float, meta: Mapping[str, str] | None = None
    ) -> FakeStream:
        host = next(one for one in self._hosts.values() if key_of(one.label) == key)
        if host.facts.state is Reach.DOWN:
            raise HostAway(host.label, key, "it is down")
        assert self._group is not None
        ours, theirs = socket.socketpair()
        if host.answers is not None:
            self._group.create_task(host.answers(theirs))
        else:
            assert host.door is not None
            actor, far = key_of(self._own).hex(), SocketStream(theirs)
            self._group.create_task(host.door.serve(far, actor=actor, role=host.role))
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        stream = FakeStream(host, reader, writer)
        host.streams.append(stream)
        return stream

    def serve(self, kind: Kind, handler: Handler) -> None:
        raise AssertionError("no test serves a kind of stream here")

    def on_change(self, callback: Callable[[HostState], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def changed(self, label: str, reach: Reach) -> None:
        """The host is seen otherwise from now on."""
        host = self._hosts[label]
        host.facts = replace(host.facts, state=reach)
        for listener in tuple(self._listeners):
            listener(host.facts)


@dataclass
class Hosts:
    """Hosts m1, m2, ...; commands are typed on the first."""

    all: dict[str, FakeHost]
    links: FakeLinks

    def __getitem__(self, label: str) -> FakeHost:
        return self.all[label]

    @property
    def first(self) -> FakeHost:
        return next(iter(self.all.values()))

    async def say(self, command: str | Sequence[str], **context: Any) -> Said:
        """One command at the first host."""
        return await say(self.first.world, command, **context)


class _World(FakeWorld):
    """A world that has a name of its own."""

    label = "here"

    def facts(self) -> Any:
        import msgspec

        return msgspec.structs.replace(super().facts(), label=self.label, host=self.label)


@asynccontextmanager
async def far_hosts(folder: Path, **worlds: Sequence[Any]) -> AsyncIterator[Hosts]:
    """Hosts of these names, each with these instances; joined, all up."""
    hosts = {}
    for label, instances in worlds.items():
        world = _World(*instances)
        world.label = label
        hosts[label] = FakeHost(label, world, state(label))
        hosts[label].thawed.set()
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for label, host in hosts.items():
            door = Door(host.world, host.world.table, folder / label)
            host.door = await stack.enter_async_context(door)
        for label, host in hosts.items():
            links = FakeLinks(label, tuple(hosts.values()), group)
            host.world.links = links
            host.world.far = Far(partial(getattr, host.world, "links"), group.create_task)
        yield Hosts(hosts, next(iter(hosts.values())).world.links)
        for host in hosts.values():
            host.thawed.set()
            for stream in host.streams:
                await stream.close()


def saying(*lines: bytes) -> Callable[[socket.socket], Any]:
    """A host that says this to whoever asks, and hangs up."""

    async def answer(sock: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        with contextlib.suppress(OSError):  # who asked may be gone, at any moment
            await reader.readline()
            writer.write(b"".join(lines))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return answer
