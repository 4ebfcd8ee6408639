"""The visor as a program: a signal client under viscript, or alone.

Exit codes: 0 stopped, 1 the address, the key file or the state cannot be had, 2 wrong options.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from components.mesh.errors import MeshError, reason
from components.mesh.offers import MESSENGER, NODE_MANAGER, SETUP_NODE
from components.mesh.service import StartError, stopping
from components.visor.node.answers import Answers
from components.visor.node.around import Around, configured, joined
from components.visor.node.directory import DIRECTORY
from components.visor.node.node import Node
from components.visor.node.options import Options, parse
from signal_bus.client import SignalClient
from signal_bus.errors import BusError, KeyFileError, NotSupervised
from signal_bus.identity import Identity, load_or_create

log = logging.getLogger(__name__)

FIND_S: Final = 3.0  # for services of this home that are just coming up
# Objects, then searches of the youngest, then of the younger, before one of all the rest.
SEARCHES: Final = (700, 5, 2)
AGAIN_S: Final = 0.2


def main(words: Sequence[str]) -> int:
    """Run a visor; the answer is the exit code."""
    options = parse(words, os.environ)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(options))
    except (StartError, BusError) as exc:
        print(f"visor: {exc}", file=sys.stderr)
        return 1
    except MeshError as exc:
        print(f"visor: {exc}", file=sys.stderr)
        return 1
    return 0


async def serve(options: Options) -> None:
    """Serve until told to stop, by the bus or a signal. Raises `StartError`, `MeshError` or `BusError`."""
    identity = identity_of(options)
    stop = stopping()
    async with AsyncExitStack() as stack:
        bus = await _bus(stack)
        around = configured(options)
        if bus is not None and not options.alone:
            around = await found_on(bus, around)
        node = await stack.enter_async_context(Node.running(identity, options, around))
        address = "nowhere" if node.address is None else "{}:{}".format(*node.address)
        print(f"visor: {node.key.hex()} takes links at {address}", flush=True)
        if bus is not None:
            await _join(bus, node, stop, address)
        settle()
        await stop.wait()
        if bus is not None:
            await bus.state("draining")
        await node.drain()


def settle() -> None:
    """Have searches for garbage read only what comes from now on: so they cost little, and may come often.

    What a dial leaves behind refers to itself. As Python would have it, 70,000 such objects may wait, 8 MB.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SEARCHES)


def identity_of(options: Options) -> Identity:
    """The key of this node, made if there is none. Raises `StartError`."""
    try:
        options.identity.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return load_or_create(options.identity)
    except KeyFileError as exc:
        raise StartError(str(exc)) from exc
    except OSError as exc:
        raise StartError(f"{options.identity}: {reason(exc)}") from exc


async def _bus(stack: AsyncExitStack) -> SignalClient | None:
    try:
        client = SignalClient.from_env(name="visor", later=True)
    except NotSupervised:
        return None
    return await stack.enter_async_context(client)


async def found_on(bus: SignalClient, given: Around) -> Around:
    """What the bus of this home offers besides what is given; waits a moment for services that come up."""
    deadline = asyncio.get_running_loop().time() + FIND_S
    while True:
        found = {kind: await bus.find(kind=kind) for kind in (NODE_MANAGER, SETUP_NODE, MESSENGER)}
        around = joined(given, found)
        whole = around.managers and around.setup_nodes and around.messengers
        if whole or asyncio.get_running_loop().time() > deadline:
            return around
        await asyncio.sleep(AGAIN_S)


async def _join(bus: SignalClient, node: Node, stop: asyncio.Event, address: str) -> None:
    for method in Answers(node).methods:
        bus.method(method)
    bus.on_shutdown(stop.set)
    await bus.ready({"links": address, "apps": str(node.options.app_socket), "key": node.key.hex()})
    await bus.offer("directory", node.key.hex(), kind=DIRECTORY)
