"""Whole visors in one process: real sockets, doors and states; node manager, setup node, messenger too."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.mesh.builder import Builder
from components.mesh.doors import Doors, bind
from components.mesh.pool import Pool
from components.mesh.ports import MeshPort
from components.mesh.reach import Address, Reach
from components.mesh.roster import Messenger
from components.mesh.writer import Writer
from components.messenger import depot
from components.messenger.letters import Post
from components.messenger.server import Messenger as MessengerServer
from components.node_manager.desk import Clock, Desk
from components.node_manager.setup.node import SetupNode
from components.node_manager.site import PARTS, Place, listening
from components.node_manager.store import Store
from components.visor.app import App
from components.visor.node.around import Around
from components.visor.node.node import Node
from components.visor.node.options import Options, parse
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey


class Mesh:
    """Nodes that come up in one block; all ends with it."""

    def __init__(self, folder: Path, stack: AsyncExitStack, tasks: asyncio.TaskGroup) -> None:
        self.folder = folder
        self.nodes: list[Node] = []
        self.around = Around((), {}, ())
        self.ends: dict[object, Callable[[], Awaitable[object]]] = {}  # by URL, key or node
        self._stack = stack
        self._tasks = tasks

    def options(self, number: int) -> Options:
        """Those of one node: every port is free, every file its own."""
        state = self.folder / f"n{number}"
        return parse(["--listen", "127.0.0.1:0", "--state", str(state), "--alone"], {})

    async def node(self, **changed: object) -> Node:
        """One more visor; `changed` are options."""
        options = replace(self.options(len(self.nodes)), **changed)  # type: ignore[arg-type]
        stack = await self._stack.enter_async_context(AsyncExitStack())
        running = Node.running(Identity(draw()), options, self.around)
        node = await stack.enter_async_context(running)
        self.nodes.append(node)
        self.ends[node.key] = stack.aclose
        return node

    async def end(self, which: object) -> None:
        """What has that URL or key is gone."""
        await self.ends.pop(which)()

    async def app(self, node: Node) -> App:
        """An app of that visor."""
        return await self._stack.enter_async_context(App.connect(str(node.options.app_socket)))

    async def serve_manager(self, allowed: frozenset[PublicKey] | None = None) -> str:
        """A node manager; its URL."""
        stack = await self._stack.enter_async_context(AsyncExitStack())
        desk = Desk(Store(None), Clock(), lambda news: None)
        stack.push_async_callback(desk.close)
        await desk.open()
        place = Place(host="127.0.0.1", port=0, names=frozenset(), allowed=allowed)
        address = await stack.enter_async_context(listening(desk, place, tuple(PARTS)))
        self.around = replace(self.around, managers=(f"http://{address}",))
        self.ends[self.around.managers[0]] = stack.aclose
        return self.around.managers[0]

    async def serve_setup_node(self, allowed: frozenset[PublicKey] | None = None) -> PublicKey:
        """A setup node that finds nodes by where they listen."""
        own = Identity(draw())

        async def lookup(peer: PublicKey) -> list[Address]:
            return [node.address for node in self.nodes if node.key == peer and node.address is not None]

        pool = await self._stack.enter_async_context(Pool(Reach(own, MeshPort.SETUP_HOP, lookup)))
        setup = SetupNode(await self._stack.enter_async_context(Builder(pool)), allowed)
        listener = bind("127.0.0.1", 0)
        address: Address = listener.getsockname()[:2]
        self._spawn(own.public_key, Doors(listener, own, {MeshPort.SETUP_NODE: setup.door}).serve)
        self.around = replace(self.around, setup_nodes={**self.around.setup_nodes, own.public_key: address})
        return own.public_key

    async def serve_messenger(self, allow: frozenset[PublicKey] | None = None) -> Messenger:
        """A messenger."""
        own = Identity(draw())
        server = MessengerServer(own, allow=allow)
        writer = await self._stack.enter_async_context(Writer(self.folder / "letters.db", depot.SCHEMA))
        server.keep(Post(writer, may=server.is_allowed))
        listener = bind("127.0.0.1", 0)
        made = Messenger(own.public_key, listener.getsockname()[:2])
        self._spawn(own.public_key, lambda: server.serve(listener))
        self.around = replace(self.around, messengers=(*self.around.messengers, made))
        return made

    def _spawn(self, key: PublicKey, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = self._tasks.create_task(work())
        self._stack.callback(task.cancel)

        async def end() -> None:
            task.cancel()
            await asyncio.wait([task])

        self.ends[key] = end


@asynccontextmanager
async def mesh(folder: Path) -> AsyncIterator[Mesh]:
    """Nothing of it runs after the block."""
    async with asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        yield Mesh(folder, stack, tasks)


async def link(one: Node, other: Node) -> None:
    """A direct link that is up at both ends."""
    assert other.address is not None
    await one.links.add(other.key, "{}:{}".format(*other.address))
    await until(lambda: one.links.by_peer(other.key) and other.links.by_peer(one.key))


async def until(probe: Callable[[], object], deadline_s: float = 15.0) -> None:
    """Until it is so."""
    async with asyncio.timeout(deadline_s):
        while not probe():
            await asyncio.sleep(0.005)


async def row(made: Mesh, count: int) -> list[Node]:
    """Nodes in a row, each linked with the next."""
    nodes = [await made.node() for _ in range(count)]
    for one, other in itertools.pairwise(nodes):
        await link(one, other)
    return nodes
