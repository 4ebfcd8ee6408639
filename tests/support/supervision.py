"""A supervisor put together in memory: a keeper without processes, a store of its own, a bus that listens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.fake_keeper import FakeKeeper
from viscript.config.model import App
from viscript.events import Event, EventLog
from viscript.eventtypes import EVENT_TYPES
from viscript.store.memory import Memory
from viscript.supervisor.api import AppEntry
from viscript.supervisor.applying import Applying
from viscript.supervisor.checking import Answerer, Checking
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.dues import Dues
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Action
from viscript.supervisor.orders import CannotStart, log_folder, logged_name
from viscript.supervisor.renewing import Renewing
from viscript.supervisor.reports import read
from viscript.supervisor.scheduled import Scheduled
from viscript.supervisor.scheduling import Scheduling
from viscript.supervisor.starting import Starting
from viscript.supervisor.stopping import Stopping
from viscript.supervisor.supervisor import Supervisor
from viscript.supervisor.takeback import TakeBack
from viscript.supervisor.timetable import Now
from viscript.supervisor.watches import Watches


class FakeBus:
    """Answers every ping after a millisecond; notes who was asked to end."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []
        self.seconds: float | None = 0.001

    async def ping(self, seq: int, timeout: float) -> float | None:
        return self.seconds

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        return {"seq": seq, "method": method, "params": params}

    async def describe(self, seq: int) -> dict[str, Any]:
        return {"methods": {"hello": {}}}

    async def ask_shutdown(self, seq: int, deadline: float) -> None:
        self.asked.append((seq, deadline))


class Bench:
    """All parts by name. `apps` is what can be started; `written` gives a line to who follows an app."""

    def __init__(self, folder: Path, memory: Memory, tasks: asyncio.TaskGroup) -> None:
        self.folder, self.memory = folder, memory
        self.keeper, self.bus, self.events = FakeKeeper(), FakeBus(), EventLog("host")
        self.apps: dict[str, AppEntry] = {}
        self.plugins: dict[str, AppEntry] = {}
        self.env: dict[str, str] = {}
        self.env_fault: CannotStart | None = None
        self.followed: dict[int, Callable[[str], None]] = {}
        self.conductor = Conductor(memory=memory, events=self.events, run=tasks.create_task)
        self.answerers: list[Answerer | None] = []  # who answers the next checks; afterwards the app does
        self.checking = Checking(
            self.conductor, env_of=self._env_of, follow=self._follow, elsewhere=self._elsewhere
        )
        self.starting = Starting(
            self.conductor,
            self.keeper,
            env_of=self._env_of,
            search_path=lambda: "/usr/bin:/bin",
            start_need=lambda app: self.supervisor.start_need(app),
        )
        self.stopping = Stopping(self.conductor, self.keeper, self.bus.ask_shutdown)
        self.supervisor = Supervisor(
            conductor=self.conductor,
            keeper=self.keeper,
            starting=self.starting,
            stopping=self.stopping,
            memory=memory,
            bus=self.bus,
            apps=lambda: self.apps,
            logs=str(folder),
        )
        self.applying = Applying(
            self.supervisor, self.conductor, self.keeper, self.starting, plugin_apps=lambda: self.plugins
        )
        self.clock = Now(wall=1_800_000_000.0, steady=500.0)
        self.renewing = Renewing(self.conductor, self.starting, lambda: self.apps)
        self.scheduled = Scheduled(self.supervisor, self.conductor, self.renewing)
        self.dues = Dues(self.renewing, memory, self.events, lambda: self.clock.wall)
        self.scheduling = self.schedules()
        self.watches = Watches(self.conductor, self.renewing, self.events)
        self.conductor.carry[Action.ARM_START] = self.checking.arm
        self.conductor.carry[Action.KEEP_CHECKING] = self.checking.keep
        self.keeper.report = self._report
        self.takeback = self.take_back()

    def take_back(self, *, rebooted: bool = False) -> TakeBack:
        """What listens to the link, as a daemon that just came up has it."""
        return TakeBack(
            self.conductor,
            check=self.checking.resume,
            wrote=self.supervisor.wrote,
            log_dir=lambda seq, name: log_folder(str(self.folder), seq, name),
            rebooted=rebooted,
            find_app=self.apps.get,
            name_of=lambda seq: logged_name(str(self.folder), seq),
            retell=self.starting.retell,
        )

    def schedules(self) -> Scheduling:
        """What follows the schedules, as a daemon that just came up has it; `clock` is its clock."""
        return Scheduling(self.scheduled, self.dues, self.conductor, self.memory, clock=lambda: self.clock)

    async def after(self, seconds: float, *, jump: float = 0.0) -> None:
        """Time passes, the wall's clock is put forward by `jump`, and the schedules are looked at."""
        self.clock = Now(self.clock.wall + seconds + jump, self.clock.steady + seconds)
        await self.scheduling.look()

    def app(self, name: str, *argv: str, source: str = "test", **fields: Any) -> AppEntry:
        """An app that can be started; it settles quickly."""
        words = argv or ("/bin/true",)
        spec = App(command=words, **{"settle": 0.01, **fields})
        entry = AppEntry(name=name, source=source, spec=spec, argv=words, folder=str(self.folder))
        self.apps[name] = entry
        return entry

    def held(self, seq: int = 1) -> Managed:
        """The mutable truth about one id."""
        return self.conductor.managed[seq]

    def types(self) -> list[str]:
        """The types of all events, in order."""
        return [event.type for event in self.events.since(1)]

    def told(self, kind: str) -> list[Event]:
        """The events of one type."""
        return [event for event in self.events.since(1) if event.type == kind]

    async def until(self, good: Callable[[], object]) -> None:
        """Let the other tasks run until `good` holds; a while at most."""
        async with asyncio.timeout(20):
            while not good():
                await asyncio.sleep(0)

    async def asked(self, op: str, count: int = 1) -> list[dict[str, Any]]:
        """What the keeper was asked, once it was asked that often."""
        await self.until(lambda: len(self.keeper.asked(op)) >= count)
        await asyncio.sleep(0)
        return self.keeper.asked(op)

    def written(self, seq: int, line: str) -> None:
        """The app wrote a line."""
        self.followed[seq](line)

    async def _elsewhere(self, managed: Managed, host: str, port: int) -> Answerer | None:
        return self.answerers.pop(0) if self.answerers else None

    def _env_of(self, managed: Managed) -> dict[str, str]:
        if self.env_fault is not None:
            raise self.env_fault
        return self.env

    async def _follow(self, seq: int, each: Callable[[str], bool]) -> None:
        seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def line(text: str) -> None:
            if each(text) and not seen.done():
                seen.set_result(None)

        self.followed[seq] = line
        try:
            await seen
        finally:
            del self.followed[seq]

    def _report(self, event: dict[str, Any]) -> None:
        report = read(event)
        assert report is not None
        self.conductor.report(report)


def assert_described(event: Event) -> None:
    """What an event carries is what its reference says, no more and no less."""
    fields = EVENT_TYPES[event.type].fields
    needed = {name for name, words in fields.items() if "(optional)" not in words}
    assert needed <= event.data.keys() <= fields.keys(), event


@asynccontextmanager
async def supervision(folder: Path) -> AsyncIterator[Bench]:
    """A bench whose tasks and timers end with it."""
    memory = Memory(folder / "state.db")
    memory.open()
    try:
        async with asyncio.TaskGroup() as tasks:
            bench = Bench(folder, memory, tasks)
            yield bench
            for managed in bench.conductor.managed.values():
                bench.conductor.disarm(managed)
                managed.generation += 1
                managed.tell_watchers()  # who waits for the end of a run waits no more
            for event in bench.events.last(1_000):
                assert_described(event)
    finally:
        memory.close()
