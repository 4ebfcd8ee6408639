"""Chats on whole nodes of a mesh, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from components.visor.node.node import Node
from plugins.skychat.chat import Chat
from plugins.skychat.options import options
from plugins.skychat.server import Server
from tests.support.nodes import Mesh, link, mesh, until


@dataclass
class Party:
    """One node's chat."""

    node: Node
    server: Server
    page: str
    task: asyncio.Task[None]

    @property
    def key(self) -> str:
        return self.node.key.hex()

    @property
    def chat(self) -> Chat:
        return self.server.chat

    async def texts(self, other: Party | str) -> list[str]:
        """What was said with somebody, in order."""
        talk = other if isinstance(other, str) else other.key
        return [row["text"] for row in await self.chat.history(talk, limit=200)]

    async def states(self, other: Party) -> list[str]:
        """How far what we said came."""
        return [row["state"] for row in await self.chat.history(other.key, limit=200) if row["mine"]]

    def link(self) -> str:
        """What signs a browser in."""
        page = self.server._page
        assert page is not None
        return page.link()

    def browser(self) -> aiohttp.ClientSession:
        """A program that has the token."""
        token = (self.server.folder / "curl").read_text().split('"')[1].partition(": ")[2]
        return aiohttp.ClientSession(self.page, headers={"Authorization": token})


class Town:
    """Nodes with chats that come and go."""

    def __init__(self, made: Mesh, group: asyncio.TaskGroup) -> None:
        self.mesh = made
        self._group = group

    async def party(self, node: Node, *words: str) -> Party:
        """A chat on a node; its files are the node's, so it comes back with its texts."""
        state = self.mesh.folder / f"chat-{node.key.hex()[:8]}"
        given = ["skychat", str(node.options.app_socket), "1", "-addr", "127.0.0.1:0", "--state", str(state)]
        server = Server(options([*given, *words]))
        told: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        task = self._group.create_task(server.run(told.set_result))
        task.add_done_callback(lambda _: told.cancel())
        async with asyncio.timeout(20):
            places = await told
        return Party(node, server, places.get("page", ""), task)

    async def leave(self, party: Party) -> None:
        """Its chat ends; the node stays."""
        party.task.cancel()
        await asyncio.wait([party.task])


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """Nothing of it runs after the block."""
    async with mesh(folder) as made, asyncio.TaskGroup() as group:
        whole = Town(made, group)
        try:
            yield whole
        finally:
            for task in tuple(group._tasks):
                task.cancel()


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[Party, Party]]:
    """Mike and Joe, neighbours."""
    async with town(folder) as whole:
        mike, joe = await whole.mesh.node(), await whole.mesh.node()
        await link(mike, joe)
        yield await whole.party(mike), await whole.party(joe)


async def eventually(probe: Callable[[], object], deadline_s: float = 20.0) -> None:
    """Until an awaitable answer is true."""
    async with asyncio.timeout(deadline_s):
        while not await probe():  # type: ignore[misc]
            await asyncio.sleep(0.02)


__all__ = ["Party", "Town", "eventually", "town", "two", "until"]
