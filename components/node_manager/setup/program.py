"""The setup node as a program: a signal client under viscript, or alone.

Exit codes: 0 stopped, 1 the address or the key file cannot be had, 2 wrong options.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from components.mesh import offers
from components.mesh.builder import Builder
from components.mesh.doors import Doors
from components.mesh.errors import reason
from components.mesh.pool import Pool
from components.mesh.ports import MeshPort
from components.mesh.reach import Reach
from components.mesh.relay import Relay
from components.mesh.service import StartError, bound, shown, stopping
from components.mesh.services import Services
from components.node_manager.setup.directory import DIRECTORY_S, Directory
from components.node_manager.setup.node import SetupNode
from components.node_manager.setup.options import Options, parse
from components.node_manager.setup.whereabouts import Entries, Whereabouts, nobody
from signal_bus.client import SignalClient
from signal_bus.errors import BusError, KeyFileError, NotSupervised
from signal_bus.identity import Identity, load_or_create


def main(words: Sequence[str]) -> int:
    """Run a setup node; the answer is the exit code."""
    options = parse(words, os.environ)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(options))
    except (StartError, BusError) as exc:
        print(f"setup-node: {exc}", file=sys.stderr)
        return 1
    return 0


async def serve(options: Options) -> None:
    """Serve until told to stop, by the bus or by a signal. Raises `StartError` or `BusError`."""
    identity = _identity(options)
    listener = bound(options.host, options.port)
    stop = stopping()
    async with AsyncExitStack() as stack:
        client = _client()
        entries = await _entries(stack, identity, options, client)
        node = await stack.enter_async_context(running(identity, listener, options, entries))
        address = shown(options.host, listener)
        print(f"setup-node: {identity.name} listening at {address}", flush=True)
        if client is not None:  # joins now and not before: who joins is taken for ready
            await _announce(await stack.enter_async_context(client), stop, node, identity, address)
        await stop.wait()


@asynccontextmanager
async def running(
    identity: Identity, listener: socket.socket, options: Options, entries: Entries
) -> AsyncIterator[SetupNode]:
    """A setup node that answers at `listener` inside the block; the node manager's process runs it so too."""
    relay = Relay(identity)
    clock = asyncio.get_running_loop().time
    where = Whereabouts(entries, clock, fixed=options.nodes, relay=relay.dial)
    reach = Reach(identity, MeshPort.SETUP_HOP, where.addresses, where.relayed)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        pool = await stack.enter_async_context(Pool(reach))
        node = SetupNode(await stack.enter_async_context(Builder(pool)), options.allowed)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        doors = Doors(listener, identity, {MeshPort.SETUP_NODE: node.door})
        stack.callback(tasks.create_task(doors.serve()).cancel)
        yield node


def _identity(options: Options) -> Identity:
    try:
        options.identity.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return load_or_create(options.identity)
    except KeyFileError as exc:
        raise StartError(str(exc)) from exc
    except OSError as exc:
        raise StartError(f"{options.identity}: {reason(exc)}") from exc


def _client() -> SignalClient | None:
    """A client of the bus that has not joined yet, where a daemon started us."""
    try:
        return SignalClient.from_env(name="setup-node")
    except NotSupervised:
        return None


async def _entries(
    stack: AsyncExitStack, identity: Identity, options: Options, bus: SignalClient | None
) -> Entries:
    """Where nodes are looked up: as configured, else in what the bus has."""
    if options.directories:
        services = Services(identity, options.directories, timeout_s=DIRECTORY_S)
        return (await stack.enter_async_context(services)).node
    if bus is None:
        return nobody
    return (await stack.enter_async_context(Directory(identity, bus))).entry


async def _announce(
    bus: SignalClient, stop: asyncio.Event, node: SetupNode, identity: Identity, address: str
) -> None:
    async def summarize() -> dict[str, int]:
        """How many initiators are here, and what became of their requests."""
        return {"sessions": node.sessions, **node.counts}

    bus.on_shutdown(stop.set)
    bus.method(summarize)
    await bus.offer("setup-node", offers.keyed(identity.public_key, address), kind=offers.SETUP_NODE)
    await bus.ready({"mesh": address, "key": identity.name})
