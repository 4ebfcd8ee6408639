"""Hosts' connections in memory and on sockets, for tests of the links between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from signal_bus.codec import encode
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from signal_bus.messages import Body
from signal_bus.peers.dialer import hold
from signal_bus.peers.doors import Arrived, PeerDoors
from signal_bus.peers.link import Link, Port
from signal_bus.peers.messages import PeerHello, PeerRoster, PeerState
from signal_bus.peers.stream import Stream
from signal_bus.reactor import Sent
from signal_bus.testing import until
from signal_bus.wire import Keys

ANY_PORT = ("tcp://127.0.0.1:*",)


@dataclass
class Ears:
    """A listener that remembers, and hands streams to `carry`."""

    links: list[Link] = field(default_factory=list)
    greetings: list[PeerHello] = field(default_factory=list)
    notes: list[PeerState | PeerRoster] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def greeted(self, link: Link, hello: PeerHello) -> None:
        self.links.append(link)
        self.greetings.append(hello)

    def told(self, link: Link, note: PeerState | PeerRoster) -> None:
        self.notes.append(note)

    def opened(self, link: Link, stream: Stream) -> None:
        self.streams.append(stream)

    def ended(self, link: Link, code: str, text: str) -> None:
        self.ends.append(code)


async def read_all(stream: Stream) -> bytes:
    """What comes until the end."""
    parts = []
    while data := await stream.read():
        parts.append(data)
    return b"".join(parts)


class MemoryPort:
    """One end of a connection without a socket; `full` makes it take nothing."""

    def __init__(self) -> None:
        self.other: Link | None = None
        self.full = self.gone = False
        self.sent: list[bytes] = []
        self.closed = ""

    def send(self, data: bytes) -> Sent:
        if self.gone:
            return Sent.GONE
        if self.full:
            return Sent.FULL
        self.sent.append(data)
        if self.other is not None:
            asyncio.get_running_loop().call_soon(self.other.hear, data)
        return Sent.OK

    def close(self, code: str) -> None:
        self.closed = code


def hello_of(identity: Identity, cluster: bytes = bytes(32)) -> PeerHello:
    return PeerHello(cluster=cluster, key=identity.public_key, label="x", roster=bytes(32))


class Side:
    """One host in memory: a link whose port the test holds."""

    def __init__(self, me: Identity, peer: Identity) -> None:
        self.me = me
        self.port = MemoryPort()
        self.ears = Ears()
        first = 1 if me.public_key < peer.public_key else 2
        self.link = Link(self.port, peer.public_key, self.ears, first=first, dialled=first == 1)

    def hear(self, body: Body) -> None:
        self.link.hear(encode(body))


async def joined(one: Identity, two: Identity) -> tuple[Side, Side]:
    """Two hosts that have greeted each other."""
    left, right = Side(one, two), Side(two, one)
    left.port.other, right.port.other = right.link, left.link
    for side in (left, right):
        side.link.say(hello_of(side.me))
    await until(lambda: left.link.hello and right.link.hello)
    return left, right


class Station:
    """A host with real doors; it greets whoever comes, and dials."""

    def __init__(
        self, me: Identity, folder: Path, *, listen: tuple[str, ...] = ("tcp://127.0.0.1:*",)
    ) -> None:
        self.me = me
        self.ears = Ears()
        self.local = f"ipc://{folder}/{me.name[:8]}.ipc"
        self.listen = listen
        self.near = False
        self.doors = PeerDoors(local=self.local, curve=me.curve(), arrived=self.met(dialled=False))

    async def open(self) -> None:
        await self.doors.open()
        for endpoint in self.listen:
            await self.doors.listen(endpoint)

    def met(self, *, dialled: bool) -> Arrived:
        def arrived(port: Port, key: PublicKey, *, near: bool) -> Link:
            self.near = near
            first = 1 if self.me.public_key < key else 2
            link = Link(port, key, self.ears, first=first, dialled=dialled)
            link.say(hello_of(self.me))
            return link

        return arrived

    async def know(self, *others: Identity) -> None:
        await self.doors.let_in({other.curve().public: other.public_key for other in others})

    async def dial(self, other: "Station", endpoint: str = "") -> Link:
        """Hold a connection to another until its link is over."""
        keys = Keys(other.me.curve().public, self.me.curve())
        meet = self.met(dialled=True)
        place = endpoint or other.doors.endpoints[0]
        key = other.me.public_key
        return await hold(self.doors.context, place, keys, lambda port: meet(port, key, near=False))


@contextlib.asynccontextmanager
async def stations(folder: Path, *identities: Identity) -> AsyncIterator[list[Station]]:
    """Hosts with doors that let each other in."""
    made = [Station(identity, folder) for identity in identities]
    for station in made:
        await station.open()
        await station.know(*(other.me for other in made if other is not station))
    try:
        yield made
    finally:
        for station in made:
            for link in station.ears.links:
                link.end("left", "the test is over")
            station.doors.close()
