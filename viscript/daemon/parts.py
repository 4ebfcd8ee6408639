"""The supervisor's parts, wired together for one daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from viscript.config.loader import Loaded
from viscript.daemon.elsewhere import Elsewhere
from viscript.daemon.following import Following
from viscript.daemon.surroundings import Surroundings
from viscript.events import EventLog
from viscript.home import Home
from viscript.states import State
from viscript.store.memory import Memory
from viscript.supervisor.api import AppEntry, PlanStep
from viscript.supervisor.applying import Applying, refuse_emptied
from viscript.supervisor.bus_port import BusSide
from viscript.supervisor.checking import Checking
from viscript.supervisor.conductor import Carry, Conductor, Run
from viscript.supervisor.dues import Dues
from viscript.supervisor.external import Externals, is_external
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper
from viscript.supervisor.lifecycle import Action
from viscript.supervisor.membership import descends, lineage
from viscript.supervisor.renewing import Renewing
from viscript.supervisor.scheduled import Scheduled
from viscript.supervisor.scheduling import Scheduling
from viscript.supervisor.starting import Starting
from viscript.supervisor.stopping import AsksShutdown, StopOrder, Stopping
from viscript.supervisor.supervisor import Supervisor
from viscript.supervisor.watches import Watches

Apps = Callable[[], dict[str, AppEntry]]


class DaemonSupervisor(Supervisor):
    """The supervisor with `apply`: the whole of `viscript.supervisor.api.Supervisor`."""

    applying: Applying
    active: Loaded
    activate: Callable[[Loaded], Awaitable[None]]
    turn: asyncio.Lock  # two plans at once would undo each other
    scheduling: Scheduling
    watches: Watches

    async def apply(
        self, loaded: Loaded, *, dry_run: bool, force: bool = False, actor: str = "local"
    ) -> list[PlanStep]:
        """Make a configuration the active one; only what changed is touched."""
        if dry_run:
            return self._plan(self.active, loaded, force=force)
        async with self.turn:
            self._plan(self.active, loaded, force=force)
            old, self.active = self.active, loaded
            await self.activate(loaded)
            done = await self.applying.carry_out(self.applying.steps(old, loaded), actor)
            self.scheduling.refresh()
            self.watches.refresh()
            return done

    def _plan(self, old: Loaded, new: Loaded, *, force: bool) -> list[PlanStep]:
        """The steps. Raises VerbError when they would stop what a file lost, perhaps by mistake."""
        steps = self.applying.steps(old, new)
        if not force and not new.names_apps:
            refuse_emptied(new.file, steps)
        return steps

    async def set_enabled(self, seq: int, enabled: bool) -> None:
        """Whether it is started with the daemon, or runs by its schedule."""
        await super().set_enabled(seq, enabled)
        self.scheduling.refresh()


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the daemon holds on to."""

    conductor: Conductor
    supervisor: DaemonSupervisor
    checking: Checking
    applying: Applying
    externals: Externals
    retell: Callable[[Managed], None]
    renewing: Renewing
    scheduling: Scheduling
    watches: Watches

    def states(self) -> Iterator[State]:
        """How each app is."""
        return (managed.state for managed in self.conductor.managed.values())

    async def follow(self, run: Run) -> None:
        """From now on, times and changed files begin runs."""
        await self.scheduling.begin()
        run(self.scheduling.run())
        run(self.watches.run())


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the daemon has before its parts are made."""

    home: Home
    loaded: Loaded
    memory: Memory
    events: EventLog
    run: Run
    keeper: Keeper
    bus: BusSide
    ask_shutdown: AsksShutdown
    surroundings: Surroundings
    apps: Apps
    plugin_apps: Callable[[], Mapping[str, AppEntry]]
    activate: Callable[[Loaded], Awaitable[None]]


def wire(given: Given) -> Parts:
    """Make the parts and tell each of those it needs."""
    conductor = Conductor(memory=given.memory, events=given.events, run=given.run)
    following, needs = Following(), _Needs()
    elsewhere = Elsewhere(conductor, str(given.home.root))
    checking = Checking(
        conductor,
        env_of=given.surroundings.whole,
        follow=following,
        elsewhere=elsewhere,
    )
    starting = Starting(
        conductor,
        given.keeper,
        env_of=given.surroundings.delta,
        search_path=given.surroundings.search_path,
        start_need=needs,
        token_key=given.surroundings.token_key,
        holds=elsewhere.holds,
    )
    stopping = Stopping(conductor, given.keeper, given.ask_shutdown)
    supervisor = DaemonSupervisor(
        conductor=conductor,
        keeper=given.keeper,
        starting=starting,
        stopping=stopping,
        memory=given.memory,
        bus=given.bus,
        apps=given.apps,
        logs=given.home.logs,
    )
    needs.supervisor = following.supervisor = supervisor
    externals = Externals(supervisor, conductor, given.ask_shutdown)
    applying = Applying(supervisor, conductor, given.keeper, starting, plugin_apps=given.plugin_apps)
    supervisor.applying, supervisor.active, supervisor.activate = applying, given.loaded, given.activate
    supervisor.turn = asyncio.Lock()
    renewing = Renewing(conductor, starting, given.apps)
    supervisor.scheduling = Scheduling(
        Scheduled(supervisor, conductor, renewing),
        Dues(renewing, given.memory, given.events, conductor.now),
        conductor,
        given.memory,
    )
    supervisor.watches = Watches(conductor, renewing, given.events)
    conductor.carry[Action.ARM_START] = checking.arm
    conductor.carry[Action.KEEP_CHECKING] = _came_up(starting, checking)
    conductor.carry[Action.LADDER] = _ladder(stopping, externals)
    return Parts(
        conductor=conductor,
        supervisor=supervisor,
        checking=checking,
        applying=applying,
        externals=externals,
        retell=starting.retell,
        renewing=renewing,
        scheduling=supervisor.scheduling,
        watches=supervisor.watches,
    )


def _came_up(starting: Starting, checking: Checking) -> Carry:
    def carry(managed: Managed) -> None:
        starting.came_up(managed)
        checking.keep(managed)

    return carry


def _ladder(stopping: Stopping, externals: Externals) -> Carry:
    def carry(managed: Managed) -> None:
        if is_external(managed):
            externals.ladder(managed, stopping.orders.pop(managed.seq, StopOrder()))
        else:
            stopping.ladder(managed)

    return carry


class _Needs:
    """Starts what another app needs; the supervisor is there only after the parts that ask for it."""

    supervisor: Supervisor

    def __call__(self, app: str) -> None:
        self.supervisor.start_need(app)


def leaders(conductor: Conductor) -> Mapping[int, int]:
    """The pid of every id that has a process."""
    return {seq: managed.pid for seq, managed in conductor.managed.items() if managed.pid is not None}


def owner(conductor: Conductor, tag_of: Callable[[int], int | None]) -> Callable[[int], Managed | None]:
    """Whose process it is, asked once however many apps there are; None for a stranger's."""

    def find(pid: int) -> Managed | None:
        seq = tag_of(pid)
        tagged = None if seq is None else conductor.managed.get(seq)
        if tagged is not None and tagged.pid is not None:
            return tagged
        led = {leader: seq for seq, leader in leaders(conductor).items()}
        return next((conductor.managed[led[one]] for one in lineage(pid) if one in led), None)

    return find


def membership(tag_of: Callable[[int], int | None]) -> Callable[[int, Managed], bool]:
    """Whether a process is of an app: by the mark every process of it inherits, or by its ancestors."""

    def belongs(pid: int, managed: Managed) -> bool:
        if managed.pid is None:
            return False
        return pid == managed.pid or tag_of(pid) == managed.seq or descends(pid, managed.pid)

    return belongs
