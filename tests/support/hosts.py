"""Hosts of a cluster in one process: real doors on loopback, a store each, figures made up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from signal_bus.testing import until
from tests.support.rosters import vouched
from viscript.cluster.book import Book
from viscript.cluster.links.api import Caller, HostState, Reach, Stream
from viscript.cluster.links.links import Links
from viscript.cluster.links.listening import Listening, Wanted
from viscript.cluster.links.own import Figures
from viscript.cluster.model import SignedMember
from viscript.store.memory import Memory
from viscript.verbs.table import Role

LOOPBACK = Wanted(listen=("tcp://127.0.0.1:*",))


class LinkedHost:
    """One host: its book, its links, and what it was told."""

    def __init__(self, me: Identity, label: str, folder: Path, wanted: Wanted = LOOPBACK) -> None:
        self.me = me
        self.label = label
        self.memory = Memory(folder / f"{label}.db")
        self.book = Book(self.memory, me, folder / f"{label}.key")
        self.figures = Figures(apps_up=1, apps_total=2, cpu_percent=3.0, memory_bytes=4, memory_total=5)
        listening = Listening(wanted, f"ipc://{folder}/{label}.ipc", self.memory)
        self.links = Links(self.book, listening, lambda: self.figures, self.memory)
        self.changes: list[tuple[str, Reach]] = []
        self.links.on_change(lambda row: self.changes.append((row.label, row.state)))
        self.links.serve("door", self.echo)
        self.callers: list[Caller] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def key(self) -> PublicKey:
        return self.me.public_key

    async def echo(self, stream: Stream, caller: Caller) -> None:
        """Send back what comes."""
        self.callers.append(caller)
        while data := await stream.read():
            await stream.write(data)

    async def open(self) -> None:
        self.memory.open()
        await self.book.open()

    def run(self, group: asyncio.TaskGroup) -> None:
        self._task = group.create_task(self.links.run())

    async def stop(self) -> None:
        """As a daemon that ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def join(self, cluster: Identity, *records: SignedMember) -> None:
        await self.book.pin(cluster.public_key, records)

    def row(self, other: "LinkedHost") -> HostState:
        return next(row for row in self.links.hosts() if row.key == other.key)

    def sees(self, other: "LinkedHost", state: Reach = Reach.UP) -> bool:
        return any(row.key == other.key and row.state is state for row in self.links.hosts())

    async def ask(self, other: "LinkedHost", data: bytes = b"hello", deadline: float = 10) -> bytes:
        """What the other's echo sends back."""
        stream = await self.links.open(other.key, "door", deadline)
        await stream.write(data)
        answer = await stream.read()
        await stream.close()
        return answer


@contextlib.asynccontextmanager
async def linked(
    folder: Path, cluster: Identity, *identities: Identity, role: Role = Role.ADMIN
) -> AsyncIterator[list[LinkedHost]]:
    """Hosts of one cluster, each vouched for by its key, that see one another up."""
    hosts = [LinkedHost(one, f"h{number}", folder) for number, one in enumerate(identities, 1)]
    records = [vouched(host.me, cluster, label=host.label, role=role) for host in hosts]
    async with asyncio.TaskGroup() as group:
        for host in hosts:
            await host.open()
            await host.join(cluster, *records)
            host.run(group)
        try:
            await meet(hosts)
            yield hosts
        finally:
            for host in hosts:
                await host.stop()
                host.memory.close()


async def meet(hosts: list[LinkedHost]) -> None:
    """Tell each where the others are, as pairing does for the first, and wait until all are up."""
    await until(lambda: all(host.links.own.card().body.addresses for host in hosts))
    await until(lambda: all(host.book.me and host.book.me.addresses for host in hosts))
    cards = [host.links.own.card() for host in hosts]
    for host in hosts:
        await host.book.take(cards=cards)
    pairs = [(one, other) for one in hosts for other in hosts if one is not other]
    await until(lambda: all(one.sees(other) for one, other in pairs), deadline_s=20)
