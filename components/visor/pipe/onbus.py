"""The host's place on the signal bus, where a daemon started it: it is ready when its app is."""

import asyncio
import logging
from collections.abc import Callable

from components.visor.pipe.host import Host
from signal_bus.client import BusError, NotSupervised, SignalClient

log = logging.getLogger(__name__)


async def serve(name: str, host: Host, stop: Callable[[], None]) -> None:
    """Join when the app has said who it is; `stop` is what an order to end comes to."""
    try:
        client = SignalClient.from_env(name=name)
    except NotSupervised:
        return
    await host.ready.wait()
    try:
        async with client as bus:
            bus.method(host.status)
            bus.on_shutdown(stop)
            await bus.ready({})
            await asyncio.Event().wait()
    except BusError as exc:  # the app works without it
        log.warning("not on the bus: %s", exc)
