"""An app of the mesh as a process: on the signal bus when a daemon started it, else until Ctrl-C.

Exit codes: 0 stopped, 1 the visor or a port cannot be had, 2 wrong options.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, runtime_checkable

from components.visor.app import AppError
from components.visor.kit.gate import PortError
from components.visor.kit.tasks import first_of
from signal_bus.client import BusError, NotSupervised, SignalClient

Ready = Callable[[dict[str, str]], None]


class CannotWork(Exception):
    """This host does not let the app do its work; the sentence says why, and what to do."""


class Work(Protocol):
    """What an app does."""

    async def run(self, ready: Ready) -> None:
        """Serve for ever; say `ready` when that has begun. Raises `AppError`, `PortError` or `CannotWork`."""

    def status(self) -> dict[str, Any] | Awaitable[dict[str, Any]]:  # Any: plain data of several types
        """Figures, for whoever asks over the bus."""


@runtime_checkable
class Answering(Work, Protocol):
    """An app that answers more than `status` over the bus."""

    @property
    def methods(self) -> Sequence[Callable[..., object]]:
        """Functions whose names and signatures are those of the methods."""


@runtime_checkable
class Offering(Work, Protocol):
    """An app that others of its home find by a service."""

    @property
    def offers(self) -> Sequence[tuple[str, str, str]]:
        """Name, kind and address of each service, once the work has begun."""


def main(name: str, make: Callable[[], Work]) -> int:
    """Make it and run it; the answer is the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(name, make()))
    except (AppError, PortError, BusError, CannotWork) as exc:
        print(f"{name}: {exc}", file=sys.stderr)
        return 1
    return 0


async def serve(name: str, work: Work) -> None:
    """Run it until a signal or the bus says stop. Raises `BusError`, or what the work raises."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    began = asyncio.Event()
    endpoints: dict[str, str] = {}

    def ready(told: dict[str, str]) -> None:
        endpoints.update(told)
        began.set()

    await first_of(work.run(ready), _announce(name, work, began, endpoints, stop))


async def _announce(
    name: str, work: Work, began: asyncio.Event, endpoints: dict[str, str], stop: asyncio.Event
) -> None:
    """Join the bus when the work has begun, since joining is what the daemon takes for success."""
    await began.wait()
    shown = ", ".join(f"{kind} {place}" for kind, place in endpoints.items())
    print(f"ready: {shown}", flush=True)
    async with AsyncExitStack() as stack:
        bus = await _bus(stack, name)
        if bus is not None:
            for method in (work.status, *(work.methods if isinstance(work, Answering) else ())):
                bus.method(method)
            bus.on_shutdown(stop.set)
            await bus.ready(endpoints)
            for called, kind, address in work.offers if isinstance(work, Offering) else ():
                await bus.offer(called, address, kind=kind)
        await stop.wait()


async def _bus(stack: AsyncExitStack, name: str) -> SignalClient | None:
    try:
        client = SignalClient.from_env(name=name)
    except NotSupervised:
        return None
    return await stack.enter_async_context(client)
