"""The state store of a daemon: which one the configuration names, and the events of its absence."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from viscript.config.fault import BadConfig
from viscript.config.model import Store
from viscript.daemon.world import World
from viscript.events import EventLog
from viscript.statestore.api import StateStore
from viscript.statestore.errors import BadUrl, StateStoreError
from viscript.statestore.held import HeldStore
from viscript.statestore.open import OpensHost, no_host, open_store, shown
from viscript.statestore.settings import access_of


def share(
    world: World,
    *,
    folder: Path,
    environ: Mapping[str, str],
    run: Callable[[Coroutine[Any, Any, None]], object],
    host: OpensHost = no_host,
) -> None:
    """Give the world its store, and keep it for as long as the daemon's tasks run."""
    world.store = store = shared_store(
        world.config().store,
        home=Path(world.home.root),
        folder=folder,
        environ=environ,
        events=world.events,
        plugin=world.plugins.state_store,
        host=host,
    )
    run(store.keep())


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
