"""node-manager: `python -P -m components.node_manager [--listen HOST:PORT] [--state DIR] ...`

    --listen HOST:PORT     default 127.0.0.1:9091
    --state DIR            where it is remembered; default $VISCRIPT_STATE; without both, in memory only
    --only PART,PART       discovery, finder, services; default all
    --name NAME            a name this listener is known by in DNS; may be given again
    --allow FILE           the keys that may register anything, one a line; default all

Exit codes: 0 stopped, 1 the address or the state cannot be had, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.mesh import keys, offers
from components.mesh.errors import BadKey
from components.mesh.ports import TcpPort
from components.mesh.service import stopping
from components.node_manager.desk import Clock, Desk
from components.node_manager.news import Outbox
from components.node_manager.plan import News
from components.node_manager.site import PARTS, ListenError, Place, listening, summary
from components.node_manager.store import Store, StoreError
from components.node_manager.tracker import parse_address
from signal_bus.client import SignalClient
from signal_bus.errors import BusError, NotSupervised
from signal_bus.ids import PublicKey

FILE: Final = "node-manager.db"


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    place: Place
    state: Path | None
    only: tuple[str, ...]


def parse(words: Sequence[str], environ: Mapping[str, str]) -> Options:
    """The options in these words. Raises `SystemExit(2)` after saying what is wrong."""
    parser = argparse.ArgumentParser("node-manager", description="Transport discovery, routes, services.")
    parser.add_argument("--listen", metavar="HOST:PORT", default=f"127.0.0.1:{TcpPort.TRANSPORT_DISCOVERY}")
    parser.add_argument("--state", metavar="DIR", help="where it is remembered, default $VISCRIPT_STATE")
    parser.add_argument("--only", metavar="PART,...", default=",".join(PARTS), help="default: %(default)s")
    parser.add_argument("--name", action="append", default=[], help="a name of this listener in DNS")
    parser.add_argument("--allow", metavar="FILE", type=Path, help="the keys that may register, one a line")
    given = parser.parse_args(words)
    only = tuple(given.only.split(","))
    unknown = sorted(set(only) - PARTS.keys())
    if unknown:
        parser.error(f"--only: there is no part {unknown[0]!r}, only {', '.join(PARTS)}")
    try:
        host, port = parse_address(given.listen)
        allowed = None if given.allow is None else read_allowed(given.allow)
    except (ValueError, OSError) as exc:
        parser.error(str(exc))
    names = frozenset(name.lower() for name in given.name)
    state = given.state or environ.get("VISCRIPT_STATE")
    place = Place(host=host, port=port, names=names, allowed=allowed)
    return Options(place, Path(state) if state else None, only)


def read_allowed(path: Path) -> frozenset[PublicKey]:
    """The keys of a file; blank lines and what follows a # are left out. Raises `ValueError` or `OSError`."""
    found = set()
    for count, line in enumerate(path.read_text().splitlines(), 1):
        text = line.partition("#")[0].strip()
        try:
            found.update([keys.parse(text)] if text else [])
        except BadKey as exc:
            raise ValueError(f"{path}:{count}: {exc}") from exc
    return frozenset(found)


async def serve(options: Options) -> None:
    """Answer until told to stop, by the bus or a signal. Raises `ListenError`, `StoreError` or `BusError`."""
    stop = stopping()
    heard: list[Outbox] = []

    def tell(news: News) -> None:
        for outbox in heard:
            outbox.tell(news)

    desk = Desk(Store(options.state and options.state / FILE), Clock(), tell)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(desk.close)
        await desk.open()
        address = await stack.enter_async_context(listening(desk, options.place, options.only))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(desk.sweep_forever()).cancel)
        print(f"node-manager: listening at {address}", flush=True)
        try:
            client = SignalClient.from_env(name="node-manager")
        except NotSupervised:
            await stop.wait()
            return
        bus = await stack.enter_async_context(client)
        heard.append(Outbox(bus))
        stack.callback(tasks.create_task(heard[0].send_forever()).cancel)
        await _join(bus, desk, options.only, address, stop)


async def _join(
    bus: SignalClient, desk: Desk, only: tuple[str, ...], address: str, stop: asyncio.Event
) -> None:
    async def summarize() -> dict[str, object]:
        """What this node manager is, and how much it knows."""
        return summary(desk, only)

    bus.method(summarize)
    bus.on_shutdown(stop.set)
    await bus.offer("node-manager", offers.url(address), kind=offers.NODE_MANAGER)
    await bus.ready({"http": address})
    await stop.wait()


def main(words: Sequence[str]) -> int:
    """Run the node manager; the answer is the exit code."""
    options = parse(words, os.environ)
    try:
        asyncio.run(serve(options))
    except (ListenError, StoreError, BusError) as exc:
        print(f"node-manager: {exc}", file=sys.stderr)
        return 1
    return 0
