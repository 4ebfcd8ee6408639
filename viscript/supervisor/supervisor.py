"""What the verbs ask for, done on the instances: start, stop, restart, wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from viscript.config.model import starts_with_daemon
from viscript.config.suggest import look_alikes
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.store.memory import Memory
from viscript.supervisor.api import AppEntry, Exit, Instance, Started, Stopped
from viscript.supervisor.bus_port import BusSide
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.dependencies import stop_layers
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper
from viscript.supervisor.lifecycle import Action, Phase, Trigger
from viscript.supervisor.orders import CannotStart
from viscript.supervisor.outcomes import accepted, launched, outcome, settled, still
from viscript.supervisor.roll import Roll
from viscript.supervisor.roster import ENDED, in_sight
from viscript.supervisor.starting import Starting
from viscript.supervisor.stopping import StopOrder, Stopping, patience_for, run_is_gone
from viscript.supervisor.takeback import UNKNOWN
from viscript.supervisor.touching import Touching
from viscript.supervisor.watching import Watching

START_MARGIN: Final = 0.5  # seconds beyond start_timeout, so that the run's own deadline speaks first


class Supervisor(Touching):
    """Implements `viscript.supervisor.api.Supervisor` but for `apply`, which `applying` adds."""

    def __init__(
        self,
        *,
        conductor: Conductor,
        keeper: Keeper,
        starting: Starting,
        stopping: Stopping,
        memory: Memory,
        bus: BusSide,
        apps: Callable[[], dict[str, AppEntry]],
        logs: str,
    ) -> None:
        super().__init__(Roll(conductor, keeper, memory, logs), keeper, bus)
        self._conductor = conductor
        self._starting = starting
        self._stopping = stopping
        self._memory = memory
        self.apps = apps
        self._watching = Watching(keeper)
        conductor.after_change.append(self._watching.changed)
        conductor.carry.update(
            {
                Action.RESOLVE_DEPS: starting.resolve,
                Action.LAUNCH: starting.launch,
                Action.DISARM: conductor.disarm,
                Action.LADDER: stopping.ladder,
                Action.ABORT: stopping.abort,
                Action.RETRY: stopping.retry,
                Action.DISCARD: stopping.discard,
            }
        )

    # -- looking ---------------------------------------------------------------------------

    def instances(self, *, ended: bool = False) -> list[Instance]:
        """Snapshots by id."""
        held = self._conductor.managed
        return [held[seq].snapshot() for seq in sorted(held) if in_sight(held[seq], ended=ended)]

    def instance(self, seq: int) -> Instance:
        """The snapshot of one. Raises VerbError NOT_FOUND."""
        return self.roll.held(seq).snapshot()

    def _launched(self, seq: int) -> Managed:
        managed = self.roll.held(seq)
        why = ""
        if managed.entry.source == "external":
            why = "joined by itself: it is started where it was started before"
        elif managed.entry.source == UNKNOWN and managed.app not in self.apps():
            why = f"came back without its command, which is lost; sd {seq} ends it"
        if why:
            raise VerbError(ExitCode.FAILED, f"{managed.name} ({seq}) {why}")
        return managed

    # -- starting --------------------------------------------------------------------------

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
        """Start a new instance, with its needs."""
        entry = app if isinstance(app, AppEntry) else self.find_app(app)
        managed = self.roll.create(entry, self._args(entry, args, add=add), name=name, env=env)
        await self.roll.keep(managed)
        self._conductor.fire(managed, Trigger.START, actor=actor)
        return await self._outcome(managed, wait)

    def find_app(self, app: str) -> AppEntry:
        """The entry with that name or alias. Raises VerbError NOT_FOUND with suggestions."""
        apps = self.apps()
        for entry in apps.values():
            if app == entry.name or app in entry.aliases:
                return entry
        near = _near(app, [*apps])
        hint = f" (did you mean {near[0]}?)" if near else " (apps lists what there is)"
        raise VerbError(ExitCode.NOT_FOUND, f"no app is named {app!r}{hint}", suggestions=near)

    @staticmethod
    def _args(entry: AppEntry, args: Sequence[str], *, add: bool) -> tuple[str, ...]:
        if add or not args:
            return (*entry.spec.default_args, *args)
        return tuple(args)

    def start_need(self, app: str) -> None:
        """Start the one shared instance of an app that another needs. Raises `CannotStart`."""
        try:
            entry = self.find_app(app)
        except VerbError as exc:
            raise CannotStart("dependency", f"it needs {app}, and {exc.text}") from exc
        known = [m for m in self._conductor.managed.values() if m.app == entry.name and m.configured]
        belongs = starts_with_daemon(entry.spec)  # then it is the one that would be started anyway
        managed = known[0] if known else self.roll.create(entry, entry.spec.default_args, configured=belongs)
        self._memory.note(managed.record())
        self._conductor.fire(managed, Trigger.START)

    async def start_again(self, seq: int, *, wait: str | None = "started", actor: str = "local") -> Started:
        """Start an ended instance under its old id."""
        managed = self._launched(seq)
        self.roll.check_name(managed)
        before = managed.last_exit
        self._conductor.fire(managed, Trigger.START, actor=actor)
        return await self._outcome(managed, wait, before)

    async def restart(self, seq: int, *, grace: float | None = None, actor: str = "local") -> Started:
        """Stop and start again under the same id."""
        managed = self._launched(seq)
        self.roll.check_name(managed)
        self._refresh_entry(managed)
        await self._check_order(managed)
        self._stopping.orders[seq] = StopOrder(grace=grace)
        generation = managed.generation
        self._conductor.fire(managed, Trigger.RESTART, actor=actor)
        await managed.until(lambda: managed.generation > generation or managed.phase in ENDED)
        return await self._outcome(managed, "started")

    async def _check_order(self, managed: Managed) -> None:
        """What could not come up again is not taken down. Raises VerbError."""
        why = await self._starting.obstacle(managed) if managed.pid is not None else ""
        if managed.pid is not None and why:
            raise VerbError(ExitCode.FAILED, f"it runs on, since it could not come up again: {why}")

    def _refresh_entry(self, managed: Managed) -> None:
        """A restart uses the app as it is configured now."""
        current = self.apps().get(managed.app)
        if current is not None and managed.entry.is_configured:
            managed.entry = current

    async def _outcome(self, managed: Managed, wait: str | None, before: Exit | None = None) -> Started:
        if wait is None:
            await managed.until(lambda: accepted(managed))
            return launched(managed, before)
        limit = managed.entry.spec.start_timeout
        try:
            async with asyncio.timeout(limit + START_MARGIN):
                await managed.until(lambda: settled(managed, wait))
        except TimeoutError:
            reason = managed.reason or still(managed, limit)
            return Started(instance=managed.snapshot(), ok=False, code=ExitCode.TIMED_OUT, reason=reason)
        return outcome(managed, wait, self._conductor.now())

    # -- stopping --------------------------------------------------------------------------

    def stop_layers(self, seqs: Sequence[int]) -> list[list[int]]:
        """The ids in the order to stop them, dependents first."""
        return stop_layers(seqs, lambda seq: (self.roll.held(seq).app, self.roll.held(seq).entry.spec))

    async def stop(
        self,
        seq: int,
        *,
        grace: float | None = None,
        now: bool = False,
        actor: str = "local",
        reason: str = "stopped by a user",
    ) -> Stopped:
        """Stop the tree; returns when it is gone. Raises VerbError TIMED_OUT when it does not go."""
        managed = self.roll.held(seq)
        if managed.phase in ENDED:
            self._conductor.fire(managed, Trigger.STOP, reason=reason, actor=actor)
            return Stopped(seq=seq, exit=managed.last_exit, seconds=0.0, rung="none")
        begun = asyncio.get_running_loop().time()
        if managed.phase not in (Phase.STOPPING, Phase.CYCLING):
            managed.rung = "none"
        elif now:
            self._keeper.tell("kill", seq=seq)
        self._stopping.orders[seq] = StopOrder(grace=grace, now=now)
        self._conductor.fire(managed, Trigger.STOP, reason=reason, actor=actor)
        patience, generation = patience_for(managed, grace), managed.generation
        try:
            async with asyncio.timeout(patience):
                await managed.until(lambda: run_is_gone(managed, generation))
        except TimeoutError:
            raise VerbError(
                ExitCode.TIMED_OUT,
                f"{managed.name} ({seq}) is still there after {patience:g} s; `kill {seq}` skips the waiting",
            ) from None
        finally:
            self._stopping.orders.pop(seq, None)
        seconds = asyncio.get_running_loop().time() - begun
        return Stopped(seq=seq, exit=managed.last_exit, seconds=seconds, rung=managed.rung)

    # -- touching --------------------------------------------------------------------------

    async def wait_for(self, seq: int, states: frozenset[State], timeout: float | None) -> Instance:
        """Wait until the instance is in one of the states."""
        managed = self.roll.held(seq)
        try:
            async with asyncio.timeout(timeout):
                await managed.until(lambda: managed.state in states)
        except TimeoutError:
            raise VerbError(
                ExitCode.TIMED_OUT, f"{managed.name} ({seq}) is still {managed.state} after {timeout:g} s"
            ) from None
        return managed.snapshot()

    async def clear_failed(self, seq: int) -> None:
        """A fatal instance becomes stopped; a pause before a restart ends at once."""
        self._conductor.fire(self.roll.held(seq), Trigger.CLEAR)

    async def set_enabled(self, seq: int, enabled: bool) -> None:
        """Whether it is started with the daemon."""
        managed = self.roll.held(seq)
        managed.enabled = enabled
        await self._memory.keep(managed.record())

    # -- output ----------------------------------------------------------------------------

    def output_changed(self, seq: int, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` soon after the app wrote something; the answer ends it."""
        return self._watching.listen(seq, changed)

    def watch_again(self) -> None:
        """A new keeper does not know yet whose output is followed."""
        self._watching.again()

    def wrote(self, seq: int) -> None:
        """The keeper says that the app wrote something."""
        self._watching.wrote(seq)


def _near(word: str, names: list[str]) -> tuple[str, ...]:
    return look_alikes(word, names, most=3)
