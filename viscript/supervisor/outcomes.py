"""When a start counts as done, and what it came to. Pure."""

from __future__ import annotations

from typing import Final

from viscript.errors import ExitCode
from viscript.states import State
from viscript.supervisor.api import Exit, Started
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.verbs.naming import shown_id

FAILED: Final = frozenset({Phase.BACKOFF, Phase.FATAL, Phase.STOPPED, Phase.STOPPING})


def good_phases(managed: Managed, wait: str) -> frozenset[Phase]:
    """The phases that satisfy a wait for `started`, or for a state word."""
    if wait != "started":
        return frozenset(phase for phase in Phase if phase.value == wait)
    up = {Phase.READY, Phase.DONE}
    if managed.entry.spec.ready is None:
        up.add(Phase.RUNNING)
    return frozenset(up)


def accepted(managed: Managed) -> bool:
    """Whether a start whose end nobody awaits is on its way, came to its end, or cannot be."""
    waits = managed.phase is Phase.WAITING and bool(managed.waiting_for)
    return waits or managed.pid is not None or managed.phase is Phase.DONE or managed.phase in FAILED


def launched(managed: Managed, before: Exit | None) -> Started:
    """What such a start came to, without what comes after its launch; `before`: how the run before ended."""
    ran = managed.last_exit is not before
    ok = ran or managed.phase not in (Phase.FATAL, Phase.BACKOFF)
    return Started(instance=managed.snapshot(), ok=ok, code=0 if ok else 1, reason=managed.reason)


def settled(managed: Managed, wait: str) -> bool:
    """Whether the start has come to something."""
    given_up = managed.aborted is not None  # it is being ended for not coming up in time
    return given_up or managed.phase in good_phases(managed, wait) or managed.phase in FAILED


def outcome(managed: Managed, wait: str, now: float) -> Started:
    """What the start came to."""
    snapshot = managed.snapshot()
    if managed.phase in good_phases(managed, wait):
        return Started(instance=snapshot, ok=True)
    timed_out = managed.cause == "start-timeout"
    code = ExitCode.TIMED_OUT if timed_out else ExitCode.FAILED
    return Started(instance=snapshot, ok=False, code=code, reason=failure(managed, now))


def failure(managed: Managed, now: float) -> str:
    """Why it did not start, and what happens next, in one sentence."""
    why = managed.reason or f"it is {managed.state}"
    wait = managed.snapshot().retry_seconds(now)
    if managed.state is State.BACKOFF and wait is not None:
        return f"{why}; retrying in {wait:.1f} s; sd {shown_id(managed.seq)} ends it"
    return why


def still(managed: Managed, limit: float) -> str:
    """Where a start stands whose time is over."""
    waits = f", waiting for {', '.join(managed.waiting_for)}" if managed.waiting_for else ""
    if managed.phase is Phase.STARTING and managed.pid is None:
        waits = ": the keeper has not answered the order"
    return f"still {managed.state} after {limit:g} s{waits}"
