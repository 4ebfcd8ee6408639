"""The messenger as a program: a signal client under viscript, or alone.

Exit codes: 0 stopped, 1 the address, the key file or the state cannot be had, 2 wrong options.
"""

import asyncio
import logging
import os
import resource
import socket
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from components.mesh import offers
from components.mesh.entry import NodeEntry
from components.mesh.errors import MeshError, reason
from components.mesh.service import StartError, bound, shown, stopping
from components.mesh.services import Services
from components.mesh.writer import Writer
from components.messenger import allow, depot
from components.messenger.allow import AllowError
from components.messenger.announce import announce, entry
from components.messenger.figures import Figures
from components.messenger.letters import Post
from components.messenger.options import Options, parse
from components.messenger.server import Messenger
from signal_bus.client import SignalClient
from signal_bus.errors import BusError, KeyFileError, NotSupervised
from signal_bus.identity import load_or_create

log = logging.getLogger(__name__)

SPARE_DESCRIPTORS: Final = 256  # besides one for each connection


def main(words: Sequence[str]) -> int:
    """Run a messenger; the answer is the exit code."""
    options = parse(words, os.environ)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(options))
    except (StartError, MeshError, AllowError, BusError) as exc:
        print(f"messenger: {exc}", file=sys.stderr)
        return 1
    return 0


async def serve(options: Options) -> None:
    """Serve until told to stop, by the bus or by a signal.

    Raises `StartError`, `MeshError`, `AllowError` or `BusError`.
    """
    messenger = _made(options)
    async with Writer(options.state / "letters.db", depot.SCHEMA) as writer:
        await _serve(options, messenger, Post(writer, may=messenger.is_allowed))


async def _serve(options: Options, messenger: Messenger, post: Post) -> None:
    messenger.keep(post)
    listener = bound(options.host, options.port)
    async with AsyncExitStack() as stack:
        services = None
        if options.discovery:
            services = await stack.enter_async_context(Services(messenger.identity, options.discovery))
        await _run(options, messenger, post, listener, services)


async def _run(
    options: Options,
    messenger: Messenger,
    post: Post,
    listener: socket.socket,
    services: Services | None,
) -> None:
    stop = stopping()
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(messenger.serve(listener)), tasks.create_task(post.sweep_forever())]
        if services is not None:
            room = messenger.limits.clients

            def told() -> NodeEntry:
                return entry(
                    messenger.key,
                    options.public or shown(options.host, listener),
                    room - len(messenger.presences),
                )

            running.append(tasks.create_task(announce(services, told)))
        try:
            await _until(stop, Figures(messenger, post), options, listener)
        finally:
            for task in running:
                task.cancel()


def _made(options: Options) -> Messenger:
    """The messenger, with its key and its list."""
    allowed = allow.read(options.allow) if options.allow else None
    try:
        options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        identity = load_or_create(options.identity)
    except KeyFileError as exc:
        raise StartError(str(exc)) from exc
    except OSError as exc:
        raise StartError(f"{options.state}: {reason(exc)}") from exc
    _allow_descriptors(options.limits.connections + SPARE_DESCRIPTORS)
    return Messenger(identity, limits=options.limits, allow=allowed)


async def _until(stop: asyncio.Event, figures: Figures, options: Options, listener: socket.socket) -> None:
    messenger = figures.messenger
    address = shown(options.host, listener)
    print(f"messenger: {messenger.key.hex()} listening at {address}", flush=True)
    try:
        client = SignalClient.from_env(name="messenger")
    except NotSupervised:
        await stop.wait()
        return
    async with client as bus:
        bus.on_shutdown(stop.set)
        bus.on_reload(lambda _: _reload(messenger, options))
        for method in (figures.clients, figures.channels, figures.quota, figures.stored):
            bus.method(method)
        await bus.offer("messenger", offers.keyed(messenger.key, address), kind=offers.MESSENGER)
        await bus.ready({"mesh": address, "key": messenger.key.hex()})
        await stop.wait()


def _reload(messenger: Messenger, options: Options) -> None:
    """Read the list again; a bad one changes nothing."""
    if options.allow is None:
        return
    try:
        messenger.allow_only(allow.read(options.allow))
    except AllowError as exc:
        log.error("kept the list of keys as it was: %s", exc)


def _allow_descriptors(count: int) -> None:
    """As many open files as there may be connections, where the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
