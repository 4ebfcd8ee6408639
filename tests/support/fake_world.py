"""A daemon in memory for the tests of verbs and the door: it starts nothing and answers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from viscript.config.loader import Loaded
from viscript.config.model import App, Argument, Config
from viscript.errors import ExitCode, VerbError
from viscript.events import EventLog
from viscript.pluginhost.spec import DoctorCheck, PluginRecord
from viscript.states import ENDED, UP, State
from viscript.supervisor.api import (
    AppEntry,
    DaemonFacts,
    Exit,
    Instance,
    PlanStep,
    Pong,
    Started,
    Stopped,
    Supervisor,
    Tree,
    Usage,
    UsageSource,
)
from viscript.verbs.core import builtin
from viscript.verbs.table import Table

NOW = 1_000_000.0


def entry(name: str, **spec: Any) -> AppEntry:
    """An app that can be started."""
    app = App(path=f"/bin/{name}", **spec)
    return AppEntry(name=name, source="config.yaml", spec=app, argv=(f"/bin/{name}",))


def instance(seq: int, name: str, state: State = State.RUNNING, **given: Any) -> Instance:
    """A snapshot; the app is the name without its number."""
    app = given.pop("app", name.partition("#")[0])
    what = given.pop("entry", None) or entry(app)
    alive = state in UP or state is State.STOPPING
    facts: dict[str, Any] = {
        "generation": 1,
        "since": NOW - 60,
        "pid": 1000 + seq if alive else None,
        "started_at": NOW - 60 if alive else None,
        "spec": what.spec,
        "argv": (*what.argv, *given.get("args", ())),
        "registered": True,
    }
    return Instance(seq=seq, name=name, app=app, state=state, entry=what, **(facts | given))


@dataclass
class FakeSupervisor:
    """Implements viscript.supervisor.api.Supervisor on a dict."""

    entries: dict[str, AppEntry]
    known: dict[int, Instance] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    hold: asyncio.Event | None = None
    finished: list[str] = field(default_factory=list)
    plan: list[PlanStep] = field(default_factory=list)
    bells: dict[int, list[Callable[[], None]]] = field(default_factory=dict)

    def add(self, *items: Instance) -> None:
        for item in items:
            self.known[item.seq] = item

    def change(self, seq: int, **fields: Any) -> Instance:
        self.known[seq] = msgspec.structs.replace(self.known[seq], **fields)
        return self.known[seq]

    def instances(self, *, ended: bool = False) -> list[Instance]:
        return [item for _, item in sorted(self.known.items()) if ended or item.state not in ENDED]

    def instance(self, seq: int) -> Instance:
        if seq not in self.known:
            raise VerbError(ExitCode.NOT_FOUND, f"no app with id {seq}")
        return self.known[seq]

    def apps(self) -> dict[str, AppEntry]:
        return self.entries

    async def _held(self, what: str) -> None:
        if self.hold is not None:
            await self.hold.wait()
        self.finished.append(what)

    async def start(
        self,
        app: str | AppEntry,
        args: Sequence[str] = (),
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        add: bool = False,
        wait: str | None = "started",
        actor: str = "local",
    ) -> Started:
        what = self.entries[app] if isinstance(app, str) else app
        self.asked.append(("start", what.name, tuple(args), name, dict(env or {}), add, wait))
        await self._held(f"start {what.name}")
        seq = max(self.known, default=0) + 1
        state = State.BACKOFF if what.name in self.failing else State.RUNNING
        item = instance(seq, name or what.name, state, app=what.name, entry=what)
        self.add(item)
        if what.name in self.failing:
            return Started(instance=item, ok=False, code=1, reason="exit 1: Address already in use")
        return Started(instance=item, ok=True)

    async def start_again(self, seq: int, *, wait: str | None = "started", actor: str = "local") -> Started:
        return Started(instance=self.change(seq, state=State.RUNNING, pid=1000 + seq), ok=True)

    async def restart(self, seq: int, *, grace: float | None = None, actor: str = "local") -> Started:
        self.asked.append(("restart", seq, grace))
        item = self.instance(seq)
        await self._held(f"restart {seq}")
        ok = item.app not in self.failing
        item = self.change(seq, generation=item.generation + 1, state=State.RUNNING if ok else State.BACKOFF)
        return Started(instance=item, ok=ok, code=0 if ok else 1, reason="" if ok else "exit 1")

    async def stop(
        self, seq: int, *, grace: float | None = None, now: bool = False, actor: str = "local"
    ) -> Stopped:
        self.asked.append(("stop", seq, grace, now))
        item = self.instance(seq)
        if item.state in ENDED:
            return Stopped(seq=seq, exit=item.last_exit, seconds=0.0, rung="none")
        await self._held(f"stop {seq}")
        how = Exit(signal=9) if now else Exit(code=0)
        self.change(seq, state=State.STOPPED, pid=None, last_exit=how)
        return Stopped(seq=seq, exit=how, seconds=0.25, rung="kill" if now else "bus")

    def stop_layers(self, seqs: Sequence[int]) -> list[list[int]]:
        return [list(seqs)] if seqs else []

    async def resize(self, seq: int, columns: int, rows: int) -> None:
        self.asked.append(("resize", seq, columns, rows))

    def output_changed(self, seq: int, changed: Callable[[], None]) -> Callable[[], None]:
        bells = self.bells.setdefault(seq, [])
        bells.append(changed)
        return lambda: bells.remove(changed)

    async def signal(self, seq: int, signum: int, *, tree: bool = False) -> None:
        self.asked.append(("signal", seq, signum, tree))

    async def ping(self, seq: int, timeout: float = 2.0) -> Pong:
        item = self.instance(seq)
        kind = "bus" if item.registered else "process"
        return Pong(kind=kind, seconds=None if seq in self.silent else 0.0002)

    async def send(self, seq: int, data: bytes) -> int:
        self.asked.append(("send", seq, data))
        return len(data)

    async def wait_for(self, seq: int, states: frozenset[State], timeout: float | None) -> Instance:
        async def reached() -> Instance:
            while self.instance(seq).state not in states:
                await asyncio.sleep(0.01)
            return self.instance(seq)

        try:
            async with asyncio.timeout(timeout):
                return await reached()
        except TimeoutError as exc:
            raise VerbError(ExitCode.TIMED_OUT, f"[{seq}] is still {self.instance(seq).state}") from exc

    async def clear_failed(self, seq: int) -> None:
        self.change(seq, state=State.STOPPED)

    async def set_enabled(self, seq: int, enabled: bool) -> None:
        self.change(seq, enabled=enabled)

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        if method == "boom":
            raise RuntimeError("boom")
        return {"method": method, "params": params}

    async def describe(self, seq: int) -> dict[str, Any]:
        return {"find": {"name": "find", "summary": "find services"}}

    async def apply(
        self, loaded: Loaded, *, dry_run: bool, force: bool = False, actor: str = "local"
    ) -> list[PlanStep]:
        self.asked.append(("apply", loaded.file, dry_run, *(("force",) if force else ())))
        return self.plan


class FakeUsage:
    """Resource figures that are always the same."""

    def quick(self) -> dict[int, tuple[float, int]]:
        return dict.fromkeys(range(1, 2000), (1.5, 1024 * 1024))

    async def fresh(self, names: Mapping[int, str]) -> list[Usage]:
        tree = Tree(cpu_percent=3.0, rss_bytes=2 * 1024 * 1024, processes=2)
        return [
            Usage(id=seq, name=name, cpu_percent=1.5, rss_bytes=1024 * 1024, threads=1, tree=tree)
            for seq, name in names.items()
        ]


class FakePlugins:
    """One plugin that works."""

    def __init__(self) -> None:
        self.wrong: list[DoctorCheck] = []

    async def refresh(self) -> bool:
        return False

    async def reload(self, name: str | None = None) -> list[PluginRecord]:
        return self.records()

    async def resolve(self, target: str) -> None:
        return None

    def records(self) -> list[PluginRecord]:
        return [PluginRecord(name="helloworld", kind="file", state="loaded", load_seconds=0.1)]

    def faults(self) -> list[DoctorCheck]:
        return self.wrong

    async def doctor(self) -> list[DoctorCheck]:
        return self.wrong

    def record(self, name: str) -> PluginRecord:
        for record in self.records():
            if record.name == name:
                return record
        raise VerbError(ExitCode.NOT_FOUND, f"no plugin {name!r}")


class FakeWorld:
    """Implements viscript.supervisor.api.World."""

    def __init__(self, *items: Instance) -> None:
        help_text = "[1] listen address, e.g. 127.0.0.1:20000"
        address = Argument(name="address", type="address", default="127.0.0.1:20000", help="where to listen")
        tracker = entry("apptracker", desc="tracks the apps on a node", help=help_text, args=(address,))
        self.fake = FakeSupervisor(
            {"apptracker": tracker, "web": entry("web", needs=("apptracker",)), "bad": entry("bad")}
        )
        self.fake.failing.add("bad")
        self.fake.add(*items)
        self.supervisor: Supervisor = self.fake
        self.usage: UsageSource = FakeUsage()
        self.events = EventLog("here")
        self.table: Table = builtin()
        self.plugins = FakePlugins()
        self.store: Any = None
        self.audit: Any = None
        self.links: Any = None
        self.witnesses: Any = None
        self.desired: Any = None
        self.far: Any = None
        self.peering: Any = None
        self.book: Any = None
        self.pairing_of: Callable[[], Any] = lambda: None
        self.stopped: list[bool] = []
        self.config_file = ""

    @property
    def pairing(self) -> Any:
        return self.pairing_of()

    def facts(self) -> DaemonFacts:
        return DaemonFacts(
            pid=41,
            keeper_pid=42,
            home="/h",
            config=self.config_file,
            version="0.1.0",
            started_at=NOW - 100,
            host="here",
            public_key="ab" * 32,
            label="here",
        )

    def now(self) -> float:
        return NOW

    def known_apps(self, plugins: object) -> frozenset[str]:
        return frozenset()

    def config(self) -> Config:
        return Config(apps={"web": App(path="bin/web", env={"API_TOKEN": "canary"})})

    async def stop_daemon(self, *, stop_all: bool) -> None:
        self.stopped.append(stop_all)
