"""All that a verb's handler may reach, in one object."""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from viscript.config.loader import Known, Loaded
from viscript.config.model import Config
from viscript.events import EventLog
from viscript.home import Home
from viscript.supervisor.api import DaemonFacts


@dataclass(kw_only=True)
class World:
    """Implements `viscript.supervisor.api.World`; filled in while the daemon comes up."""

    home: Home
    loaded: Loaded
    facts_of: Callable[[], DaemonFacts]
    supervisor: Any  # Any: DaemonSupervisor; typed there, this module knows no one
    usage: Any  # Any: viscript.usage.sampler.Sampler
    events: EventLog
    table: Any  # Any: viscript.verbs.table.Table
    plugins: Any  # Any: viscript.pluginhost.host.PluginHost
    stop: Callable[[bool], Awaitable[None]]
    known_apps: Known
    book: Any = None  # Any: viscript.cluster.book.Book
    pairing_of: Callable[[], Any] = lambda: None  # Any: viscript.cluster.pairing.pairing.Pairing
    store: Any = None  # Any: viscript.statestore.held.HeldStore
    audit: Any = None  # Any: viscript.cluster.audit.book.Audit
    witnesses: Any = None  # Any: viscript.cluster.audit.witnesses.Witnesses; None without a cluster
    desired: Any = None  # Any: what viscript.verbs.wishes asks for; None where nothing can be ordered
    placing: Any = None  # Any: viscript.daemon.placing.Placing; what config.yaml has the cluster run
    locks: Any = None  # Any: viscript.cluster.desired.locks.Locks; None where hosts share no store
    links: Any = None  # Any: viscript.cluster.links.api.HostLinks; None without a cluster
    peering: Any = None  # Any: viscript.daemon.peering.PeeringSide; None without a cluster
    far: Any = None  # Any: viscript.cluster.far.far.Far

    @property
    def pairing(self) -> Any:  # Any: as `pairing_of`
        """Pairing of this home, which is loaded by the first who asks."""
        return self.pairing_of()

    def facts(self) -> DaemonFacts:
        """Who the daemon is."""
        return self.facts_of()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def config(self) -> Config:
        """The active configuration."""
        return self.loaded.config

    async def stop_daemon(self, *, stop_all: bool) -> None:
        """End the daemon; apps go on unless `stop_all`."""
        await self.stop(stop_all)


def host_name() -> str:
    """The label of this host until it is given another."""
    return socket.gethostname().partition(".")[0] or "localhost"
