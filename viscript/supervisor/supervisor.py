"""What the verbs ask for, done on the instances: start, stop, restart, signal, send, wait."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from viscript.config.suggest import look_alikes
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.store.memory import Memory
from viscript.store.writer import StoreError
from viscript.supervisor.api import AppEntry, Exit, Instance, Pong, Started, Stopped
from viscript.supervisor.bus_port import BusSide
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.dependencies import stop_layers
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper, KeeperError
from viscript.supervisor.lifecycle import Action, Phase, Trigger
from viscript.supervisor.names import Names
from viscript.supervisor.orders import CannotStart, log_folder, stdin_kind
from viscript.supervisor.outcomes import accepted, launched, outcome, settled, still
from viscript.supervisor.processes import alive
from viscript.supervisor.roster import ENDED, in_sight, to_forget
from viscript.supervisor.starting import Starting
from viscript.supervisor.stopping import StopOrder, Stopping, patience_for, run_is_gone
from viscript.supervisor.takeback import UNKNOWN
from viscript.supervisor.watching import Watching

log = logging.getLogger(__name__)

FORGET_EVERY: Final = 64  # new ids between two looks for the oldest ended ones
START_MARGIN: Final = 0.5  # seconds beyond start_timeout, so that the run's own deadline speaks first


class Supervisor:
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
        self._conductor = conductor
        self._keeper = keeper
        self._starting = starting
        self._stopping = stopping
        self._memory = memory
        self._bus = bus
        self.apps = apps
        self._logs = logs
        self._next_seq = 1
        self._names = Names()
        self._watching = Watching(keeper)
        conductor.after_change.append(self._names.changed)
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

    async def remember(self) -> None:
        """Fill in the instances the store knows; the keeper then says which of them live."""
        for record in await self._memory.instances():
            folder = log_folder(self._logs, record.seq, record.name)
            try:
                managed = Managed.from_record(record, folder)
            except ValueError as exc:  # written by another version
                log.error("seq=%d name=%s is not remembered: %s", record.seq, record.name, exc)
                continue
            self._conductor.managed[record.seq] = managed
            self._names.hold(managed)

    def count_from(self, seq: int) -> None:
        """Give out no id below `seq`, nor one that is held."""
        self._next_seq = max([seq, self._next_seq, *[held + 1 for held in self._conductor.managed]])

    # -- looking ---------------------------------------------------------------------------

    def instances(self, *, ended: bool = False) -> list[Instance]:
        """Snapshots by id."""
        held = self._conductor.managed
        return [held[seq].snapshot() for seq in sorted(held) if in_sight(held[seq], ended=ended)]

    def instance(self, seq: int) -> Instance:
        """The snapshot of one. Raises VerbError NOT_FOUND."""
        return self._held(seq).snapshot()

    def _held(self, seq: int) -> Managed:
        managed = self._conductor.managed.get(seq)
        if managed is None:
            raise VerbError(ExitCode.NOT_FOUND, f"no app has the id {seq} (la -a lists all)")
        return managed

    def _launched(self, seq: int) -> Managed:
        managed = self._held(seq)
        why = ""
        if managed.entry.source == "external":
            why = "joined by itself: it is started where it was started before"
        elif managed.entry.source == UNKNOWN and managed.app not in self.apps():
            why = f"came back without its command, which is lost; sd {seq} ends it"
        if why:
            raise VerbError(ExitCode.FAILED, f"{managed.name} ({seq}) {why}")
        return managed

    def _process(self, seq: int) -> Managed:
        managed = self._held(seq)
        if managed.pid is None and not managed.registered:
            text = f"{managed.name} ({seq}) is {managed.state}: it has no process"
            raise VerbError(ExitCode.NOT_HEALTHY, text)
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
        managed = self.create(entry, self._args(entry, args, add=add), name=name, env=env)
        await self._keep(managed)
        self._conductor.fire(managed, Trigger.START, actor=actor)
        return await self._outcome(managed, wait)

    async def _keep(self, managed: Managed) -> None:
        """Have the new id written down: it must never be given out again. Raises VerbError."""
        try:
            await self._memory.keep(managed.record())
        except StoreError as exc:
            self._drop(managed)
            raise VerbError(ExitCode.FAILED, f"{managed.app}: its id cannot be kept: {exc}") from exc

    def _drop(self, managed: Managed) -> None:
        del self._conductor.managed[managed.seq]
        self._names.drop(managed)

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

    def create(
        self,
        entry: AppEntry,
        args: Sequence[str],
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        configured: bool = False,
    ) -> Managed:
        """A new id in phase stopped. Raises VerbError when the name asked for is taken."""
        chosen = self._names.choose(name, entry.name)
        seq = self._next_seq
        self._next_seq += 1
        managed = Managed(
            seq=seq,
            name=chosen,
            entry=entry,
            since=self._conductor.now(),
            args=tuple(args),
            env=dict(env or {}),
            configured=configured,
            log_dir=log_folder(self._logs, seq, chosen),
        )
        self._conductor.managed[seq] = managed
        self._names.hold(managed)
        if seq % FORGET_EVERY == 0:
            self._forget_oldest()
        return managed

    def _forget_oldest(self) -> None:
        gone = to_forget(self._conductor.managed.values())
        for seq in gone:
            self._drop(self._conductor.managed[seq])
            self._keeper.tell("forget", seq=seq, logs=True)
        if gone:
            self._memory.forget(gone)

    def start_need(self, app: str) -> None:
        """Start the one shared instance of an app that another needs. Raises `CannotStart`."""
        try:
            entry = self.find_app(app)
        except VerbError as exc:
            raise CannotStart("dependency", exc.text) from exc
        known = [m for m in self._conductor.managed.values() if m.app == entry.name and m.configured]
        managed = known[0] if known else self.create(entry, entry.spec.default_args)
        self._memory.note(managed.record())
        self._conductor.fire(managed, Trigger.START)

    async def start_again(self, seq: int, *, wait: str | None = "started", actor: str = "local") -> Started:
        """Start an ended instance under its old id."""
        managed = self._launched(seq)
        self._names.check(managed)
        before = managed.last_exit
        self._conductor.fire(managed, Trigger.START, actor=actor)
        return await self._outcome(managed, wait, before)

    async def restart(self, seq: int, *, grace: float | None = None, actor: str = "local") -> Started:
        """Stop and start again under the same id."""
        managed = self._launched(seq)
        self._names.check(managed)
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
        if current is not None and managed.entry.source != "run":
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
        return stop_layers(seqs, lambda seq: (self._held(seq).app, self._held(seq).entry.spec))

    async def stop(
        self, seq: int, *, grace: float | None = None, now: bool = False, actor: str = "local"
    ) -> Stopped:
        """Stop the tree; returns when it is gone. Raises VerbError TIMED_OUT when it does not go."""
        managed = self._held(seq)
        if managed.phase in ENDED:
            self._conductor.fire(managed, Trigger.STOP, reason="stopped by a user", actor=actor)
            return Stopped(seq=seq, exit=managed.last_exit, seconds=0.0, rung="none")
        begun = asyncio.get_running_loop().time()
        if managed.phase not in (Phase.STOPPING, Phase.CYCLING):
            managed.rung = "none"
        elif now:
            self._keeper.tell("kill", seq=seq)
        self._stopping.orders[seq] = StopOrder(grace=grace, now=now)
        self._conductor.fire(managed, Trigger.STOP, reason="stopped by a user", actor=actor)
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

    async def signal(self, seq: int, signum: int, *, tree: bool = False) -> None:
        """Send a signal to the leader, or the whole tree."""
        managed = self._process(seq)
        await self._ask("signal", seq=managed.seq, signum=signum, tree=tree)

    async def send(self, seq: int, data: bytes) -> int:
        """Write to the app's stdin."""
        managed = self._process(seq)
        if not managed.entry.spec.tty and stdin_kind(managed.entry.spec) == "null":
            raise VerbError(
                ExitCode.FAILED,
                f"{managed.name} ({seq}) reads no input: its stdin is /dev/null"
                " (`stdin: pipe` or `tty: true` in its configuration changes that)",
            )
        answer = await self._ask("write", seq=seq, data=base64.b64encode(data).decode())
        return int(answer["written"])

    async def resize(self, seq: int, columns: int, rows: int) -> None:
        """Tell a terminal app its new size."""
        await self._ask("resize", seq=self._process(seq).seq, cols=columns, rows=rows)

    async def ping(self, seq: int, timeout: float = 2.0) -> Pong:
        """One round trip over the bus, or an alive check for a plain program."""
        managed = self._process(seq)
        if managed.registered:
            return Pong(kind="bus", seconds=await self._bus.ping(seq, timeout))
        begun = asyncio.get_running_loop().time()
        there = managed.pid is not None and alive(managed.pid)
        spent = asyncio.get_running_loop().time() - begun
        return Pong(kind="process", seconds=spent if there else None)

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        """Call a method the app offers over the bus."""
        return await self._bus.call(self._client(seq).seq, method, params, timeout)

    async def describe(self, seq: int) -> dict[str, Any]:
        """The methods the app offers."""
        return await self._bus.describe(self._client(seq).seq)

    def _client(self, seq: int) -> Managed:
        managed = self._process(seq)
        if not managed.registered:
            text = f"{managed.name} ({seq}) is a plain program: it is not on the signal bus"
            raise VerbError(ExitCode.NOT_HEALTHY, text)
        return managed

    async def wait_for(self, seq: int, states: frozenset[State], timeout: float | None) -> Instance:
        """Wait until the instance is in one of the states."""
        managed = self._held(seq)
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
        self._conductor.fire(self._held(seq), Trigger.CLEAR)

    async def set_enabled(self, seq: int, enabled: bool) -> None:
        """Whether it is started with the daemon."""
        managed = self._held(seq)
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

    async def _ask(self, op: str, **fields: Any) -> dict[str, Any]:
        try:
            return await self._keeper.ask(op, **fields)
        except KeeperError as exc:
            raise VerbError(ExitCode.FAILED, exc.text) from exc


def _near(word: str, names: list[str]) -> tuple[str, ...]:
    return look_alikes(word, names, most=3, cutoff=0.5)
