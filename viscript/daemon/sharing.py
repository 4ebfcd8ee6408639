"""The state store of a daemon: which one the configuration names, and the events of its absence."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

from signal_bus.ids import PublicKey
from viscript.cluster.links.api import Caller, Handler, HostLinks, Stream
from viscript.config.fault import BadConfig
from viscript.config.model import Store
from viscript.daemon.world import World
from viscript.events import EventLog
from viscript.statestore.api import StateStore
from viscript.statestore.errors import BadUrl, StateStoreError, StoreAway
from viscript.statestore.far.client import FarStore
from viscript.statestore.far.server import FarServer
from viscript.statestore.held import HeldStore
from viscript.statestore.open import OpensHost, no_host, open_store, shown
from viscript.statestore.settings import access_of

KEY_DIGITS: Final = 8


def share(
    world: World,
    *,
    folder: Path,
    environ: Mapping[str, str],
    run: Callable[[Coroutine[Any, Any, None]], object],
) -> None:
    """Give the world its store, and keep it for as long as the daemon's tasks run.

    The embedded one is served to the other hosts of the cluster.
    """
    world.store = store = shared_store(
        world.config().store,
        home=Path(world.home.root),
        folder=folder,
        environ=environ,
        events=world.events,
        plugin=world.plugins.state_store,
        host=far_opener(lambda: world.links),
    )
    if world.links is not None and world.config().store.url.startswith("sqlite:"):
        world.links.serve("store", serving(store))
    run(store.keep())


def far_opener(links: Callable[[], HostLinks | None]) -> OpensHost:
    """Opens `host://HOST`: a label, or the first digits of a key; who that is, is asked at each call."""

    async def opens(name: str) -> StateStore:
        async def stream(seconds: float) -> Stream:
            ways = links()
            if ways is None:
                raise StoreAway("this host has joined no cluster")
            return await ways.open(host_named(ways, name), "store", seconds)

        return FarStore(f"the store of {name}", stream)

    return opens


def host_named(links: HostLinks, name: str) -> PublicKey:
    """The key of a host by its label or the first digits of its key. Raises `StoreAway`."""
    by_label = [host for host in links.hosts() if host.label == name]
    by_key = [host for host in links.hosts() if len(name) >= KEY_DIGITS and host.key.hex().startswith(name)]
    found = by_label or by_key
    if len(found) != 1:
        raise StoreAway(
            f"host://{name}: {'more than one host' if found else 'no host'} of the cluster is that"
        )
    if found[0].local:
        raise StoreAway(f"host://{name} is this host itself: let its `store:` be sqlite://")
    return found[0].key


def serving(store: StateStore) -> Handler:
    """Serves the store of this host to the others; what they may write goes by their roles."""
    server = FarServer(store)

    async def serve(stream: Stream, caller: Caller) -> None:
        await server.serve(stream, key=bytes(caller.key), role=caller.role)

    return serve


def shared_store(
    settings: Store,
    *,
    home: Path,
    folder: Path,
    environ: Mapping[str, str],
    events: EventLog,
    plugin: Callable[[str], Awaitable[str | None]],
    host: OpensHost = no_host,
) -> HeldStore:
    """The store `store:` names, not opened yet. The embedded one is opened when somebody needs it."""

    async def opener() -> StateStore:
        try:
            access = access_of(settings, str(folder), environ)
        except BadConfig as exc:  # a password that cannot be read now may be there later
            raise BadUrl(str(exc)) from exc
        return await open_store(settings.url, access, home=home, plugin=plugin, host=host)

    name = shown(settings.url, home)

    def told(fault: StateStoreError | None, seconds: float) -> None:
        if fault is None:
            events.tell("store.back", "daemon", now=time.time(), store=name, seconds=round(seconds, 1))
        else:
            tried = list(getattr(fault, "tried", ()))
            events.tell("store.away", "daemon", now=time.time(), reason=str(fault), store=name, tried=tried)

    return HeldStore(name, opener, lazy=settings.url.startswith("sqlite:"), told=told)
