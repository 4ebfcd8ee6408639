"""Why is it in this state? Each state has its rule. Pure: a snapshot and the facts in, one report out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from viscript.diagnose.causes import Cause, known
from viscript.diagnose.conflict import Conflict
from viscript.diagnose.facts import Facts
from viscript.diagnose.failures import clash, failure
from viscript.diagnose.outlook import outlook
from viscript.diagnose.verdict import Verdict, ending, reason
from viscript.render.human import span
from viscript.states import State
from viscript.supervisor.api import Condition, Instance


class WhyReport(msgspec.Struct, frozen=True, kw_only=True):
    """One screen that explains a state; `cause` is a code of docs/reference/causes.md."""

    id: int
    state: str
    cause: str
    text: str
    next: str
    conflict: Conflict | None = None
    last_lines: tuple[str, ...] = ()


def judge(instance: Instance, facts: Facts) -> WhyReport:
    """Explain one instance."""
    verdict = _RULES[instance.state](instance, facts)
    return WhyReport(
        id=instance.seq,
        state=instance.state.value,
        cause=verdict.cause.value,
        text=verdict.text,
        next=outlook(instance, facts, verdict),
        conflict=verdict.conflict,
        last_lines=facts.last_lines,
    )


def blaming(report: WhyReport, culprit: Instance, other: WhyReport) -> WhyReport:
    """The report of one that waits, with what is wrong with the one it waits for."""
    then = f"; {culprit.name}: {other.next}" if other.next else ""
    return msgspec.structs.replace(
        report,
        text=f"{report.text}; {culprit.name} is {other.state}: {other.text}",
        next=f"{report.next}{then}",
        conflict=other.conflict,
        last_lines=report.last_lines or other.last_lines,
    )


def _stopped(instance: Instance, facts: Facts) -> Verdict:
    cause = known(instance.cause)
    if cause in (Cause.HOST_RESTARTED, Cause.LOST, Cause.LEFT, Cause.KEEPER_GONE, Cause.LEASE_LOST):
        return Verdict(cause, reason(instance))
    if instance.generation == 0:
        waits = "" if instance.next_run is None else "; its schedule does that"
        return Verdict(Cause.NEVER_STARTED, f"it has not been started yet{waits}")
    by = f" by {facts.stopped_by}" if facts.stopped_by else ""
    how = f"; {ending(instance)}" if instance.last_exit is not None else ""
    return Verdict(Cause.STOPPED, f"it was stopped{by}{how}")


def _done(instance: Instance, facts: Facts) -> Verdict:
    del facts
    return Verdict(Cause.COMPLETED, f"it did its work and ended by itself: {ending(instance)}")


def _waiting(instance: Instance, facts: Facts) -> Verdict:
    del facts
    what = ", ".join(instance.waiting_for) or "what it depends on"
    return Verdict(Cause.WAITING, f"it waits for {what}")


def _starting(instance: Instance, facts: Facts) -> Verdict:
    if facts.conflict is not None:
        return clash(facts.conflict, "it is not ready")
    unready = _condition(instance, "Ready")
    tries = f": {unready.reason}" if unready is not None and unready.reason else ""
    began = f"it was started {_ago(instance, facts)} and is not ready yet{tries}"
    if instance.restarts and instance.last_exit is not None:
        began = f"{began}; the run before ended: {ending(instance)} (restarts: {instance.restarts})"
    return Verdict(Cause.STARTING, began)


def _stopping(instance: Instance, facts: Facts) -> Verdict:
    by = f" by {facts.stopped_by}" if facts.stopped_by else ""
    return Verdict(Cause.STOPPING, f"it was asked to stop{by} {_ago(instance, facts)}")


def _running(instance: Instance, facts: Facts) -> Verdict:
    unhealthy, limited = _condition(instance, "Healthy"), _condition(instance, "Limited", wanted=True)
    unready = _condition(instance, "Ready")
    if unhealthy is not None:
        silent = "silent" in unhealthy.reason.lower()
        text = f"it runs, but {unhealthy.reason or 'its health check fails'}"
        return Verdict(Cause.SILENT if silent else Cause.UNHEALTHY, text)
    if limited is not None:
        return Verdict(Cause.LIMIT, f"it runs, but {limited.reason or 'it is over a limit'}")
    if unready is not None:
        return Verdict(Cause.NOT_READY, f"it runs, but {unready.reason or 'its ready check fails'}")
    cause = f" ({instance.begun_for})" if instance.begun_for else ""
    began = f"it was started {_ago(instance, facts, instance.started_at)}{cause} and runs"
    if instance.restarts and instance.last_exit is not None:
        text = f"{began}; the run before ended: {ending(instance)} (restarts: {instance.restarts})"
        return Verdict(Cause.RUNNING, text)
    return Verdict(Cause.RUNNING, f"{began}; nothing is wrong")


_RULES: Final[dict[State, Callable[[Instance, Facts], Verdict]]] = {
    State.STOPPED: _stopped,
    State.WAITING: _waiting,
    State.STARTING: _starting,
    State.RUNNING: _running,
    State.READY: _running,
    State.STOPPING: _stopping,
    State.BACKOFF: failure,
    State.FATAL: failure,
    State.DONE: _done,
}


def _condition(instance: Instance, kind: str, *, wanted: bool = False) -> Condition | None:
    """The condition of that type if it stands at `wanted`."""
    return next((one for one in instance.conditions if one.type == kind and one.status is wanted), None)


def _ago(instance: Instance, facts: Facts, when: float | None = None) -> str:
    """How long ago; the state, when no other time is given."""
    return f"{span(max(0.0, facts.now - (when or instance.since)))} ago"
