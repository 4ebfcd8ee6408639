"""The state store of a daemon: which one the configuration names, and the events of its absence."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from viscript.config.fault import BadConfig
from viscript.config.model import Store
from viscript.daemon.world import World
from viscript.events import EventLog
from viscript.statestore.api import StateStore
from viscript.statestore.errors import BadUrl, Refused, StateStoreError, StoreAway
from viscript.statestore.held import HeldStore
from viscript.statestore.open import FILE, OpensHost, no_host, open_store, shown
from viscript.statestore.settings import access_of
from viscript.verbs.suggest import nearest

if TYPE_CHECKING:  # a home without a cluster loads none of it
    from signal_bus.ids import PublicKey
    from viscript.cluster.links.api import Caller, Handler, HostLinks, Stream
    from viscript.statestore.far.server import FarServer
    from viscript.statestore.sqlite import SqliteStore

KEY_DIGITS: Final = 8
LINKS_S: Final = 4.0  # that the link to the host of a store may take after a start
NOT_SHARED: Final = (
    "that host keeps its store to itself; `store: host://HOST` in its own config.yaml shares it"
)


def share(
    world: World,
    *,
    folder: Path,
    environ: Mapping[str, str],
    run: Callable[[Coroutine[Any, Any, None]], object],
) -> None:
    """Give the world its store, and keep it for as long as the daemon's tasks run."""
    world.store = store = shared_store(
        world.config().store,
        home=Path(world.home.root),
        folder=folder,
        environ=environ,
        events=world.events,
        plugin=world.plugins.state_store,
        host=far_opener(world),
    )
    run(store.keep())


def far_opener(world: World) -> OpensHost:
    """Opens `host://HOST`: a label, or the first digits of a key; who that is, is asked at each call.

    Where it is this host itself, it is the embedded store, which the others use.
    """

    async def opens(name: str) -> StateStore:
        if means_us(world, name):
            from viscript.statestore.sqlite import SqliteStore

            embedded = SqliteStore(Path(world.home.root, FILE), shared=True)
            await embedded.open()
            return embedded
        if world.links is None:
            raise StoreAway("this host has joined no cluster")
        host_named(world.links, name)
        from viscript.statestore.far.client import FarStore

        async def stream(seconds: float) -> Stream:
            if world.links is None:
                raise StoreAway("this host has left the cluster")
            opened: Stream = await world.links.open(host_named(world.links, name), "store", seconds)
            return opened

        return FarStore(f"the store of {name}", stream)

    return opens


def means_us(world: World, name: str) -> bool:
    """Whether a label, or the first digits of a key, is that of this host."""
    me = None if world.book is None else world.book.me
    by_key = len(name) >= KEY_DIGITS and world.facts().public_key.startswith(name)
    return by_key or (me is not None and me.label == name)


def host_named(links: HostLinks, name: str) -> PublicKey:
    """The key of a host by its label or the first digits of its key. Raises `StoreAway`."""
    by_label = [host for host in links.hosts() if host.label == name]
    by_key = [host for host in links.hosts() if len(name) >= KEY_DIGITS and host.key.hex().startswith(name)]
    found = by_label or by_key
    if len(found) != 1:
        count = "more than one host" if found else "no host"
        near = () if found else nearest(name, [host.label for host in links.hosts()], 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise StoreAway(f"{count} of the cluster is called {name}{hint}")
    return found[0].key


def serving(world: World) -> Handler:
    """Serves the store of this host to the others, if it is meant for them; each writes by his role."""

    made: list[FarServer] = []  # one for all streams: it knows how much each host has written

    async def serve(stream: Stream, caller: Caller) -> None:
        from viscript.statestore.far.server import FarServer
        from viscript.statestore.far.wire import encode, refusal_of

        try:
            store = await _served(world)
        except StateStoreError as exc:
            await stream.write(encode(refusal_of(exc)))
            return
        if not made:
            made.append(FarServer(store))
        await made[0].serve(stream, key=bytes(caller.key), role=caller.role)

    return serve


async def _served(world: World) -> SqliteStore:
    """The embedded store. Raises `Refused` when it is not for others, and `StoreAway`."""
    from viscript.statestore.sqlite import SqliteStore

    scheme, _, name = world.config().store.url.partition("://")
    if scheme != "host" or not means_us(world, name):
        raise Refused(NOT_SHARED)
    store = await world.store.opened()
    if not isinstance(store, SqliteStore):
        raise Refused(f"the store of {name} was another host's when this daemon began: start it anew")
    return store


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

    patience_s = LINKS_S if settings.url.startswith("host:") else 0.0
    return HeldStore(name, opener, lazy=settings.url.startswith("sqlite:"), told=told, patience_s=patience_s)
