"""Streams as a link between two hosts gives them, in memory: bounded, cut at will, odd in their cuts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from signal_bus.ids import PublicKey
from viscript.cluster.links.api import HostAway, StreamRefused
from viscript.statestore.far.client import FarStore
from viscript.statestore.far.server import FarServer
from viscript.statestore.shared import SharedStore
from viscript.verbs.table import Role

KEY = PublicKey(bytes(range(32)))
WINDOW = 256 << 10


class End:
    """One end of a stream."""

    def __init__(self, piece: int) -> None:
        self._piece = piece
        self._in = bytearray()
        self._news = asyncio.Event()
        self._ended = False
        self._closed = False
        self.away = False
        self.code = ""  # that it was closed with
        self.meta: Mapping[str, str] = {}
        self.other: End

    async def read(self) -> bytes:
        while not self._in:
            if self.away:
                raise HostAway("b", KEY, "the link broke")
            if self._ended or self._closed:
                return b""
            self._news.clear()
            await self._news.wait()
        data = bytes(self._in[: self._piece])
        del self._in[: self._piece]
        self.other.ring()
        return data

    async def write(self, data: bytes) -> None:
        while True:
            if self.away:
                raise HostAway("b", KEY, "the link broke")
            if self.other._closed:
                raise StreamRefused("closed", "the other end reads no more")
            if len(self.other._in) < WINDOW:
                break
            self._news.clear()
            await self._news.wait()
        self.other._in += data
        self.other.ring()

    def end(self) -> None:
        self.other._ended = True
        self.other.ring()

    async def close(self, code: str = "", text: str = "") -> None:
        self._closed, self.code = True, code
        self.end()

    def ring(self) -> None:
        self._news.set()

    def cut(self) -> None:
        """The host is gone, for both."""
        for end in (self, self.other):
            end.away = True
            end.ring()


def stream_pair(piece: int = 1 << 16) -> tuple[End, End]:
    """Two ends; what arrives is read in pieces of that size at most."""
    one, two = End(piece), End(piece)
    one.other, two.other = two, one
    return one, two


class FarHost:
    """A host that serves a store; each stream is carried as the links do it."""

    def __init__(
        self, store: SharedStore, tasks: asyncio.TaskGroup, *, key: bytes, role: Role, piece: int
    ) -> None:
        self.server = FarServer(store)
        self.streams: list[End] = []
        self.carrying: list[asyncio.Task[None]] = []
        self.opened = 0
        self.unreachable = False
        self.serve: Callable[[End], Awaitable[None]] = self._serve
        self._tasks = tasks
        self._key = key
        self._role = role
        self._piece = piece

    async def open(self, seconds: float) -> End:
        if self.unreachable:
            raise HostAway("b", KEY, "it is down")
        here, there = stream_pair(self._piece)
        self.streams.append(here)
        self.opened += 1
        self.carrying.append(self._tasks.create_task(self._carry(there)))
        return here

    async def _serve(self, end: End) -> None:
        await self.server.serve(end, key=self._key, role=self._role)

    async def _carry(self, end: End) -> None:
        try:
            await self.serve(end)
        except (HostAway, StreamRefused):
            return
        finally:
            await end.close()


@asynccontextmanager
async def far_host(
    store: SharedStore, *, key: bytes = KEY, role: Role = Role.OPERATE, piece: int = 1 << 16
) -> AsyncIterator[tuple[FarStore, FarHost]]:
    """A store as another host sees it, and that other host; it serves no more at the end."""
    async with asyncio.TaskGroup() as tasks:
        host = FarHost(store, tasks, key=key, role=role, piece=piece)
        try:
            yield FarStore("the store of b", host.open), host
        finally:
            for carrying in host.carrying:
                carrying.cancel()
