"""One instance as the daemon holds it: its phase, what is known of its process, who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from viscript.states import State
from viscript.store.memory import InstanceRecord
from viscript.supervisor.api import AppEntry, Condition, Exit, Instance
from viscript.supervisor.lifecycle import WORDS, Phase

LOGGED = "Logged"  # the condition: what it writes goes into its log

_entry_encoder = msgspec.msgpack.Encoder()
_entry_decoder = msgspec.msgpack.Decoder(AppEntry)


class Regained(NamedTuple):
    """Since when it was ready, and until when that counts: whoever is found ready later is so anew."""

    since: float
    until: float


@dataclass(kw_only=True, slots=True)
class Managed:
    """The mutable truth about one id. Only the conductor changes `phase`."""

    seq: int
    name: str
    entry: AppEntry
    since: float
    generation: int = 0
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    phase: Phase = Phase.STOPPED
    pid: int | None = None
    started_at: float | None = None
    restarts: int = 0
    last_exit: Exit | None = None
    reason: str = ""
    cause: str = ""
    retry_at: float | None = None
    waiting_for: tuple[str, ...] = ()
    enabled: bool = True
    configured: bool = False
    registered: bool = False
    bearer: str = ""  # of its token: which launch's, and a digest of the session that has joined with it
    log_dir: str = ""
    rung: str = "none"
    next_run: float | None = None  # by its schedule
    owed: int = 0  # the generation of a run that was due and has not begun; 0 for none
    begun_for: str = ""  # what this run was begun for, when neither a user nor the policy asked
    regained: Regained | None = None  # it was ready before the daemon came back, and may be again
    aborted: tuple[str, str] | None = None  # reason and cause, when the daemon ended this run itself
    conditions: dict[str, Condition] = field(default_factory=dict)
    watchers: list[Callable[[], None]] = field(default_factory=list)
    disarm: list[Callable[[], None]] = field(default_factory=list)

    @property
    def app(self) -> str:
        """The name of what was started."""
        return self.entry.name

    @property
    def state(self) -> State:
        """The word users see."""
        return WORDS[self.phase]

    def condition(self, kind: str, status: bool, reason: str, now: float) -> bool:
        """Set a condition; whether that changed it."""
        old = self.conditions.get(kind)
        if old is not None and old.status == status:
            return False
        self.conditions[kind] = Condition(type=kind, status=status, reason=reason, since=now)
        return True

    def forget_conditions(self) -> None:
        """Take back what was true of a run; whether its log is written outlives runs."""
        self.conditions = {kind: kept for kind, kept in self.conditions.items() if kind == LOGGED}

    def snapshot(self) -> Instance:
        """What the verbs see."""
        return Instance(
            seq=self.seq,
            generation=self.generation,
            name=self.name,
            app=self.app,
            state=self.state,
            since=self.since,
            pid=self.pid,
            started_at=self.started_at,
            restarts=self.restarts,
            last_exit=self.last_exit,
            conditions=tuple(self.conditions.values()),
            argv=(*self.entry.argv, *self.args),
            args=self.args,
            spec=self.entry.spec,
            entry=self.entry,
            reason=self.reason,
            cause=self.cause,
            retry_at=self.retry_at,
            waiting_for=self.waiting_for,
            registered=self.registered,
            tty=self.entry.spec.tty,
            log_dir=self.log_dir,
            enabled=self.enabled,
            next_run=self.next_run,
            begun_for=self.begun_for,
            moved_from=self.entry.deployed.moved_from or None if self.entry.deployed else None,
        )

    def record(self) -> InstanceRecord:
        """What the store keeps."""
        ended = self.since if self.phase in (Phase.STOPPED, Phase.DONE, Phase.FATAL) else None
        return InstanceRecord(
            seq=self.seq,
            generation=self.generation,
            name=self.name,
            app=self.app,
            phase=self.phase.value,
            since=self.since,
            args=self.args,
            env=self.env,
            enabled=self.enabled,
            configured=self.configured,
            restarts=self.restarts,
            reason=self.reason,
            cause=self.cause,
            last_exit=self.last_exit,
            ended=ended,
            bearer=self.bearer,
            entry=_entry_encoder.encode(self.entry),
            next_run=self.next_run,
            owed=self.owed,
            begun_for=self.begun_for,
        )

    @classmethod
    def from_record(cls, record: InstanceRecord, log_dir: str) -> Managed:
        """The instance as it was remembered; whether it lives, the keeper says."""
        return cls(
            seq=record.seq,
            name=record.name,
            entry=_entry_decoder.decode(record.entry),
            since=record.since,
            generation=record.generation,
            args=record.args,
            env=dict(record.env),
            phase=Phase(record.phase),
            restarts=record.restarts,
            last_exit=record.last_exit,
            reason=record.reason,
            cause=record.cause,
            enabled=record.enabled,
            configured=record.configured,
            bearer=record.bearer,
            next_run=record.next_run,
            owed=record.owed,
            begun_for=record.begun_for,
            log_dir=log_dir,
        )

    async def until(self, good: Callable[[], bool]) -> None:
        """Return when `good` holds; it is asked again after every change."""
        while not good():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def wake(future: asyncio.Future[None] = future) -> None:
                if not future.done():
                    future.set_result(None)

            self.watchers.append(wake)
            try:
                await future
            finally:
                self.watchers.remove(wake)

    def tell_watchers(self) -> None:
        """Wake everybody who waits for a change."""
        for wake in tuple(self.watchers):
            wake()
