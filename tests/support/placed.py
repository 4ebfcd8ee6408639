"""Files of hosts of a cluster in one process: each host has a configuration, and orders what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.desired import Cluster, FakeHost
from viscript.cluster.desired.ordering import Ordering
from viscript.config.loader import Loaded
from viscript.config.model import App, Config
from viscript.daemon.placing import Placing
from viscript.events import EventLog
from viscript.store.memory import Memory
from viscript.supervisor.api import AppEntry, Instance
from viscript.supervisor.catalogue import catalogue


class Filed:
    """One host with a file; `apps` is what stands in it."""

    def __init__(self, one: FakeHost, memory: Memory, tasks: asyncio.TaskGroup) -> None:
        self.one = one
        self.events = EventLog(one.label)
        self.here: list[Instance] = []  # what lives on this host
        self.loaded = Loaded(config=Config(), file=f"/etc/{one.label}/config.yaml")
        self.world: Any = SimpleNamespace(  # Any: enough of a World
            desired=(one.side, Ordering(one.side, one.identity)),
            book=None,
            config=lambda: self.loaded.config,
            supervisor=SimpleNamespace(
                apps=self.apps, find_app=lambda name: self.apps()[name], instances=lambda: self.here
            ),
            plugins=SimpleNamespace(apps=dict),
            events=self.events,
        )
        self.placing = Placing(self.world, memory, tasks.create_task)  # type: ignore[arg-type]  # as said

    def apps(self) -> dict[str, AppEntry]:
        return catalogue(self.loaded, {})

    def says(self, **apps: App) -> Loaded:
        """The file is this from now on."""
        self.loaded = Loaded(config=Config(apps=apps), file=self.loaded.file)
        return self.loaded

    async def settle(self, *, again: bool = False) -> dict[str, tuple[str, str]]:
        """What came of each app."""
        steps = await self.placing.settle(again=again)
        return {step.app: (step.action, step.reason) for step in steps}

    def told(self, kind: str) -> list[str]:
        return [event.reason for event in self.events.since(1) if event.type == kind]

    def version(self, app: str = "web") -> int:
        held = self.one.side.mirror.book.deployment(app)
        return 0 if held is None else held.body.version


def placed(command: str = "/bin/true", **more: Any) -> App:  # Any: fields of an App
    """A block that starts by itself."""
    return App(**{"command": (command,), "autostart": True, "host": "any", **more})


@asynccontextmanager
async def filed(cluster: Cluster, folder: Path, label: str) -> AsyncIterator[Filed]:
    """A host of the cluster with a file; nobody looks at it but the test."""
    memory = Memory(folder / f"{label}.db")
    memory.open()
    try:
        yield Filed(cluster.hosts[label], memory, cluster.tasks)
    finally:
        memory.close()
