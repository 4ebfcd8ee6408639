"""Fires the triggers of the life cycle and carries out its actions. The only writer of a phase.

A verb, a timer, the keeper and the bus all end here, in one call: `fire`. It looks the pair up
in the table, notes and announces the change, wakes who waits, and carries out the actions. It
never waits itself: what takes time runs in a task of its own, guarded, owned by whoever gave `run`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from viscript.events import EventLog
from viscript.store.memory import Memory
from viscript.supervisor.api import Exit
from viscript.supervisor.instance import LOGGED, Managed, Regained
from viscript.supervisor.lifecycle import WORDS, Action, Phase, Trigger, decided, step
from viscript.supervisor.reports import OUSTED, Report, told_aside

log = logging.getLogger(__name__)

KEEPER_EVENTS: Final = {
    "keeper_lost": "keeper.lost",
    "daemon_restarted": "daemon.restarted",
    "gap": "keeper.gap",
    "found": "app.found",
    "stray": "app.stray",
    "log_paused": "log.paused",
    "log_resumed": "log.resumed",
}
ASKED: Final = frozenset({Trigger.START, Trigger.RESTART})  # their reason is what the run is begun for
REGAIN_S: Final = 60.0  # so long an app may take to be ready again for a new daemon
Carry = Callable[[Managed], None]
Run = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Conductor:
    """Holds all instances; moves them through the table."""

    def __init__(
        self,
        *,
        memory: Memory,
        events: EventLog,
        run: Run,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.managed: dict[int, Managed] = {}
        self.carry: dict[Action, Carry] = {}
        self.after_change: list[Callable[[Managed], None]] = []
        self._memory = memory
        self._events = events
        self._run = run
        self.now = clock

    def fire(
        self,
        managed: Managed,
        trigger: Trigger,
        *,
        reason: str = "",
        cause: str = "",
        actor: str = "viscript",
        **data: Any,  # what the event carries besides
    ) -> bool:
        """Apply one trigger; whether it changed anything."""
        if not decided(managed.phase, trigger):
            log.debug("seq=%d phase=%s ignored trigger=%s", managed.seq, managed.phase, trigger)
            return False
        before = managed.phase
        managed.phase, actions = step(before, trigger)
        if managed.phase is not before or trigger is Trigger.SPAWNED:
            managed.since = self._reached(managed)
        managed.reason, managed.cause = reason, cause
        if trigger in ASKED:
            managed.begun_for = reason
        self._settle_facts(managed)
        self._announce(managed, before, trigger, reason, actor, data)
        self._memory.note(managed.record())
        for action in actions:
            self.carry[action](managed)
        self._changed(managed)
        return True

    def _reached(self, managed: Managed) -> float:
        """When it came to its phase: now, unless it was in it before and nobody watched."""
        now, before = self.now(), managed.regained
        managed.regained = None
        counts = before is not None and managed.phase is Phase.READY and now < before.until
        return before.since if before is not None and counts else now

    def _changed(self, managed: Managed) -> None:
        """Wake who waits for this instance, and who waits for any."""
        managed.tell_watchers()
        for listener in self.after_change:
            listener(managed)

    def condition(self, managed: Managed, kind: str, status: bool, reason: str = "") -> bool:
        """Set a fact beside the state, and wake who waits for it; whether that changed it."""
        if not managed.condition(kind, status, reason, self.now()):
            return False
        self._changed(managed)
        return True

    def note(self, managed: Managed, *, at_once: bool = False) -> None:
        """Have the store remember what is known of it, besides at each change of its phase."""
        self._memory.note(managed.record(), at_once=at_once)

    def health(self, managed: Managed, word: str, reason: str = "") -> None:
        """Its health is told when it changes; that a new run is `ok` is no news."""
        healthy, first = word == "ok", "Healthy" not in managed.conditions
        if self.condition(managed, "Healthy", healthy, reason) and not (healthy and first):
            self._events.tell(
                "app.health",
                f"app/{managed.seq}",
                now=self.now(),
                reason=reason or "it is well again",
                name=managed.name,
                word=word,
            )

    def _settle_facts(self, managed: Managed) -> None:
        """Facts that cannot be true in a phase are taken back with it."""
        if managed.phase in (Phase.STOPPED, Phase.DONE, Phase.FATAL, Phase.BACKOFF, Phase.WAITING):
            managed.pid = None
            managed.started_at = None
            managed.registered = False
            managed.forget_conditions()
        if managed.phase is not Phase.BACKOFF:
            managed.retry_at = None
        if managed.phase is not Phase.WAITING:
            managed.waiting_for = ()

    def _announce(
        self,
        managed: Managed,
        before: Phase,
        trigger: Trigger,
        reason: str,
        actor: str,
        data: dict[str, Any],
    ) -> None:
        word = WORDS[managed.phase]
        if word is WORDS[before] and trigger is not Trigger.SPAWNED:
            return
        if trigger is Trigger.DEPS_MET:
            return  # told when its process is there, or cannot be
        self._events.tell(
            f"app.{word}",
            f"app/{managed.seq}",
            now=self.now(),
            reason=reason,
            actor=actor,
            name=managed.name,
            generation=managed.generation,
            pid=managed.pid,
            **data,
        )
        log.info("seq=%d name=%s state=%s reason=%s", managed.seq, managed.name, word, reason or "-")

    def report(self, report: Report) -> None:
        """Take in a fact of the keeper."""
        managed = self.managed.get(report.seq)
        if managed is None or report.generation < managed.generation:
            log.debug("seq=%d a late report of generation=%d", report.seq, report.generation)
            return
        managed.generation = report.generation
        if report.exit is not None:
            self._ended(managed, report)
        if report.trigger is Trigger.SPAWNED:
            self._spawned(managed, report)
        if report.trigger is Trigger.OUSTED:
            managed.aborted = (report.reason, report.cause)
        if report.trigger is None:
            managed.pid = managed.pid if report.leader is None else report.leader
            return
        words, cause = _words(report, managed)
        extra: dict[str, Any] = {}
        if report.trigger is Trigger.RETRYING:
            extra = {"delay": report.delay, "exit": _plain(report.exit)}
            managed.retry_at = report.at + (report.delay or 0.0)
        elif report.exit is not None:
            extra = {"exit": _plain(report.exit)}
        self.fire(managed, report.trigger, reason=words, cause=cause, **extra)
        self._settle_facts(managed)  # a fact that came too late for its phase leaves nothing behind

    @staticmethod
    def _spawned(managed: Managed, report: Report) -> None:
        managed.pid, managed.started_at = report.pid, report.at
        managed.restarts += report.restart
        managed.begun_for = "" if report.restart else managed.begun_for
        managed.registered = False
        managed.aborted = None
        managed.forget_conditions()

    def adopt(
        self,
        managed: Managed,
        phase: Phase,
        *,
        reason: str,
        cause: str,
        since: float | None = None,
        goes_on: bool = False,
    ) -> None:
        """Go on in a phase that was reached while no daemon watched; the table begins again from there.

        `since` is when it came to that, if it is known; `goes_on`: in the very run that was seen before.
        """
        before, managed.phase = managed.phase, phase
        managed.reason, managed.cause = reason, cause
        if goes_on and before is Phase.READY and since is not None:
            managed.regained = Regained(since, self.now() + REGAIN_S)
        if phase is not before or since is not None:
            managed.since = self.now() if since is None else since
        self._settle_facts(managed)
        self._announce(managed, before, Trigger.LOST, reason, "viscript", {"adopted": True})
        self._memory.note(managed.record())
        self._changed(managed)

    def history(self, report: Report) -> None:
        """A fact from the time when no daemon watched: it is told, and changes nothing any more."""
        managed = self.managed.get(report.seq)
        if managed is not None and report.exit is not None and report.trigger is not Trigger.GONE:
            self._tell_exit(managed, report)

    def keeper_said(self, event: dict[str, Any]) -> None:
        """Something about the keeper or the logs, not about a run."""
        kind = KEEPER_EVENTS.get(str(event.get("ev")))
        if kind is None:
            return
        seq = event.get("seq")
        subject = "keeper" if seq is None else f"app/{seq}"
        reason = told_aside(event)
        managed = None if seq is None else self.managed.get(seq)
        if managed is not None and kind in ("log.paused", "log.resumed"):
            self.condition(managed, LOGGED, kind != "log.paused", reason)
        data = {key: value for key, value in event.items() if key not in ("ev", "cursor", "t", "seq", "gen")}
        self._events.tell(kind, subject, now=self.now(), reason=reason, **data)

    def _ended(self, managed: Managed, report: Report) -> None:
        if report.trigger is Trigger.GONE:
            managed.rung = report.rung
        if report.exit != Exit() or managed.last_exit is None:
            managed.last_exit = report.exit
        if report.trigger is not Trigger.GONE:
            self._tell_exit(managed, report)

    def _tell_exit(self, managed: Managed, report: Report) -> None:
        self._events.tell(
            "app.exited",
            f"app/{managed.seq}",
            now=report.at,
            reason=report.reason,
            name=managed.name,
            generation=report.generation,
            pid=report.pid,
            exit=_plain(report.exit),
            runtime=report.runtime,
            delay=report.delay,
        )

    def task(self, managed: Managed, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run work for one instance; a fault in it stays with that instance."""

        async def guarded() -> None:
            try:
                await work()
            except Exception:  # a bug in one app's task must not stop its neighbours
                log.exception("seq=%d: its task failed", managed.seq)

        return self._run(guarded())

    def timer(self, managed: Managed, delay: float, then: Callable[[], None]) -> None:
        """Call `then` after `delay` seconds unless the instance is disarmed before."""
        handle = asyncio.get_running_loop().call_later(delay, then)
        managed.disarm.append(handle.cancel)

    def disarm(self, managed: Managed) -> None:
        """Cancel every timer and check of the instance."""
        while managed.disarm:
            managed.disarm.pop()()


def _words(report: Report, managed: Managed) -> tuple[str, str]:
    """Reason and cause; of a run that the daemon ended itself, why it did comes first."""
    if report.trigger is Trigger.GONE:
        aborted = managed.aborted or ("", "")
        return aborted if aborted[1] == OUSTED else ("stopped", report.cause)
    if report.trigger is Trigger.SPAWNED and not report.reason:
        return managed.begun_for, report.cause
    if managed.aborted is not None and report.exit is not None:
        reason, cause = managed.aborted
        return f"{reason}; {report.reason}", cause
    return report.reason, report.cause


def _plain(end: Exit | None) -> dict[str, int | None] | None:
    return None if end is None else {"code": end.code, "signal": end.signal}
