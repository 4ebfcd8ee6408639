"""A cluster in one process: several hosts with a store between them, and apps that are only written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.rosters import host, vouched
from viscript.cluster.desired import leader, lease, observing
from viscript.cluster.desired.controller import entry_from
from viscript.cluster.desired.keys import DESIRED, Slot
from viscript.cluster.desired.record import Deployment, HostOrder, Mode, sign_deployment, sign_host_order
from viscript.cluster.desired.side import DesiredSide, Surroundings
from viscript.cluster.roster import Roster
from viscript.config.model import App
from viscript.errors import ExitCode, VerbError
from viscript.statestore.api import Batch, Capabilities, StateStore
from viscript.statestore.derived import Writes
from viscript.statestore.errors import StoreAway
from viscript.statestore.sqlite import SqliteStore
from viscript.supervisor.api import AppEntry, Started
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.verbs.table import Role

CLUSTER: Final = host(200)
PATIENCE_S: Final = 30.0


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases of a second, so that a host is lost in a moment."""
    monkeypatch.setattr(lease, "TTL_S", 1)
    monkeypatch.setattr(lease, "EVERY_S", 0.15)
    monkeypatch.setattr(lease, "PAUSE_S", 0.1)
    monkeypatch.setattr(leader, "TTL_S", 1)
    monkeypatch.setattr(leader, "EVERY_S", 0.15)
    monkeypatch.setattr(leader, "PAUSE_S", 0.1)
    monkeypatch.setattr(leader, "LOOK_S", 0.3)
    monkeypatch.setattr(leader, "AWAIT_S", 1.0)
    monkeypatch.setattr(observing, "PAUSE_S", 0.01)
    monkeypatch.setattr(observing, "RETRY_S", 0.1)


class Way:
    """A host's way to the store: open, or cut."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._cut = asyncio.Event()
        self.engine = store.capabilities().engine
        self.watch = self._watch

    def __getattr__(self, name: str) -> Any:  # Any: whatever the store has there
        call = getattr(self._store, name)

        async def through(*args: Any, **more: Any) -> Any:  # Any: as the store has it
            if self._cut.is_set():
                raise StoreAway("cut")
            return await call(*args, **more)

        return through

    async def _watch(self, prefix: str, from_revision: int, **more: Any) -> AsyncGenerator[Batch, None]:
        async with aclosing(self._store.watch(prefix, from_revision, **more)) as batches:
            async for batch in batches:
                if self._cut.is_set():
                    raise StoreAway("cut")
                yield batch

    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(self._store.capabilities(), engine=self.engine)

    def cut(self) -> None:
        self._cut.set()

    def mend(self) -> None:
        self._cut.clear()


class FakeApps:
    """Instances that run because they are written down."""

    def __init__(self, log: list[tuple[str, str, Slot, int]], label: str) -> None:
        self.managed: dict[int, Managed] = {}
        self.log = log
        self.label = label
        self.fail = ""
        self.changed: Callable[[], None] = lambda: None

    def held(self) -> dict[Slot, Managed]:
        found = {}
        for managed in self.managed.values():
            assert managed.entry.deployed is not None
            found[managed.entry.deployed.app, managed.entry.deployed.number] = managed
        return found

    def up(self) -> dict[Slot, Managed]:
        return {slot: one for slot, one in self.held().items() if one.phase is Phase.READY}

    async def start(self, entry: AppEntry, args: Sequence[str], env: Mapping[str, str]) -> Started:
        if self.fail:
            raise VerbError(ExitCode.FAILED, self.fail)
        told = entry.deployed
        assert told is not None
        before = self.held().get((told.app, told.number))
        seq = before.seq if before is not None else len(self.managed) + 1
        managed = Managed(seq=seq, name=told.app, entry=entry, since=0.0, args=tuple(args), env=dict(env))
        managed.phase, managed.pid = Phase.READY, 1000 + seq
        self.managed[seq] = managed
        self.log.append(("start", self.label, (told.app, told.number), told.fence))
        self.changed()
        return Started(instance=managed.snapshot(), ok=True)

    async def stop(self, seq: int) -> None:
        await asyncio.sleep(0)
        self.forget(seq)
        self.end(seq, Phase.STOPPED, "")

    def forget(self, seq: int) -> None:
        managed = self.managed[seq]
        assert managed.entry.deployed is not None
        nothing = msgspec.structs.replace(managed.entry.deployed, what="")
        managed.entry = msgspec.structs.replace(managed.entry, deployed=nothing)

    def end(self, seq: int, phase: Phase, cause: str) -> None:
        """It ends, and why."""
        managed = self.managed[seq]
        managed.phase, managed.pid, managed.cause = phase, None, cause
        told = managed.entry.deployed
        assert told is not None
        self.log.append(("stop", self.label, (told.app, told.number), told.fence))
        self.changed()


class FakeHost:
    """One host: its key, its way to the store, its apps."""

    def __init__(self, cluster: Cluster, number: int, role: Role, labels: dict[str, str]) -> None:
        self.cluster = cluster
        self.identity: Identity = host(number)
        self.key: PublicKey = self.identity.public_key
        self.label = f"h{number}"
        self.role = role
        self.labels = labels
        self.way = Way(cluster.store)
        self.apps = FakeApps(cluster.log, self.label)
        self.saved: dict[str, bytes] = {}
        self.told: list[tuple[str, str, str]] = []
        self.has_left = False
        self.side: DesiredSide
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Its daemon comes up."""
        self.side = DesiredSide(
            Surroundings(
                store=self.way,
                me=self.key,
                roster=lambda: None if self.has_left else self.cluster.roster,
                apps=self.apps,  # type: ignore[arg-type]  # all of it that is asked for
                folder=self.cluster.folder / self.label,
                entry_of=lambda order: entry_from(order, self.find, by_admin=True),
                run=self.cluster.tasks.create_task,
                save=self.saved.__setitem__,
                tell=lambda *event: self.told.append(event),
            )
        )
        self.apps.changed = self.side.look
        self.side.mirror.restore(self.saved.get("desired.orders"), self.saved.get("desired.assigned"))
        self._task = self.cluster.tasks.create_task(self.side.run())

    def find(self, app: str) -> AppEntry:
        raise VerbError(ExitCode.NOT_FOUND, f"no app is named {app!r}")

    def leave(self) -> None:
        """It forgets the cluster; the others do not know."""
        self.has_left = True
        self.side.review()

    async def die(self, *, with_apps: bool = True) -> None:
        """Its daemon is no more; as a rule the apps go with the host."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        for seq, managed in list(self.apps.managed.items()):
            if with_apps and managed.phase is Phase.READY:
                self.apps.end(seq, Phase.STOPPED, "host-restarted")


class Cluster:
    """Hosts by label; `log` has every start and stop with its fence."""

    def __init__(self, folder: Path, store: StateStore, tasks: asyncio.TaskGroup) -> None:
        self.folder = folder
        self.store = store
        self.tasks = tasks
        self.log: list[tuple[str, str, Slot, int]] = []
        self.roster: Roster = Roster(CLUSTER.public_key)
        self.hosts: dict[str, FakeHost] = {}

    async def add(self, *, role: Role = Role.ADMIN, engine: str = "sqlite", **labels: str) -> FakeHost:
        """One more host, which runs."""
        one = FakeHost(self, len(self.hosts) + 1, role, labels)
        one.way.engine = engine
        self.hosts[one.label] = one
        self.vouch(one)
        await one.begin()
        return one

    def vouch(self, one: FakeHost, *, version: int = 1, **fields: Any) -> None:
        """Have it in the roster."""
        given = {"label": one.label, "role": one.role, "labels": one.labels, "version": version}
        self.roster = self.roster.merge([vouched(one.identity, CLUSTER, **{**given, **fields})])
        for known in self.hosts.values():
            if known._task is not None:
                known.side.review()

    async def deploy(self, by: FakeHost, app: str = "web", **fields: Any) -> Deployment:
        """Sign an order and put it into the store."""
        spec = App(command=("/bin/true",))
        entry = AppEntry(name=app, source="config.yaml", spec=spec, argv=("/bin/true",))
        body = Deployment(
            **{
                "cluster": CLUSTER.public_key,
                "app": app,
                "entry": msgspec.msgpack.encode(entry),
                "by": by.key,
                **fields,
            }
        )
        await self.put(DESIRED + app, sign_deployment(body, by.identity).record)
        return body

    async def order(self, by: FakeHost, to: FakeHost, mode: Mode, version: int = 1) -> None:
        """Drain, pause or resume a host."""
        body = HostOrder(cluster=CLUSTER.public_key, host=to.key, mode=mode, version=version, by=by.key)
        await self.put(f"orders/{to.key.hex()}", sign_host_order(body, by.identity).record)

    async def put(self, key: str, value: bytes) -> None:
        await Writes(self.store).put(key, value)

    def where(self, app: str = "web") -> dict[int, str]:
        """Which host runs each instance now."""
        found: dict[int, str] = {}
        for one in self.hosts.values():
            for slot in one.apps.up():
                if slot[0] == app:
                    assert slot[1] not in found, "two run the same instance"
                    found[slot[1]] = one.label
        return found

    async def until(self, good: Callable[[], object]) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not good():
                await asyncio.sleep(0.01)

    async def settled(self, seconds: float = 0.5) -> None:
        """Let so much time pass in which something could happen that must not."""
        until = asyncio.get_running_loop().time() + seconds
        await self.until(lambda: asyncio.get_running_loop().time() >= until)

    def fences(self, slot: Slot) -> list[int]:
        """The fences of all starts of an instance, in order."""
        return [fence for what, _, of, fence in self.log if what == "start" and of == slot]


@asynccontextmanager
async def cluster(folder: Path, hosts: int) -> AsyncIterator[Cluster]:
    """So many hosts on one embedded store."""
    async with AsyncExitStack() as stack:
        store = SqliteStore(folder / "shared.db")
        await store.open()
        stack.push_async_callback(store.close)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        made = Cluster(folder, store, tasks)
        for _ in range(hosts):
            await made.add()
        everybody = {one.key for one in made.hosts.values()}
        await made.until(lambda: all(one.side.mirror.alive() == everybody for one in made.hosts.values()))
        try:
            yield made
        finally:
            for one in made.hosts.values():
                await one.die(with_apps=False)


def replaced(body: Deployment, **fields: Any) -> dict[str, Any]:
    """The fields of the next version of an order."""
    kept = {
        name: getattr(body, name) for name in body.__struct_fields__ if name not in ("cluster", "app", "by")
    }
    return {**kept, "version": body.version + 1, **fields}
