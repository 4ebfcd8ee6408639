"""What the keeper reports, as triggers of the life cycle and words for people. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from viscript.supervisor.api import Exit
from viscript.supervisor.exits import exit_words
from viscript.supervisor.lifecycle import Trigger

_NEXT: Final = {
    "restart": Trigger.RETRYING,
    "ended": Trigger.SUCCEEDED,
    "fatal": Trigger.FAILED,
}


_REFUSALS: Final = {"address-taken": "port-conflict", "lease-lost": "lease-lost"}

OUSTED: Final = "lease-lost"  # the cause of a stop that nobody ordered
LEASE_LOST: Final = "this host's lease was not kept, so another may run it"

_SENTENCES: Final = {
    "gap": "more happened than the keeper keeps: some events of apps are not told; their states are right",
    "found": "the keeper's records of it were lost; it ran on and was taken back",
    "stray": "the keeper's records of it were lost; processes of it run on, and nobody leads them: end them",
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """One fact about one run."""

    seq: int
    generation: int
    trigger: Trigger | None
    at: float
    pid: int | None = None
    exit: Exit | None = None
    reason: str = ""
    cause: str = ""
    delay: float | None = None
    restart: bool = False
    runtime: float | None = None
    rung: str = ""
    leader: int | None = None  # the process that leads from now on


def read(event: Mapping[str, Any]) -> Report | None:
    """The report in a keeper event; None for events that are not about a run."""
    kind = event.get("ev")
    if kind == "spawned":
        return _spawned(event)
    if kind == "spawn_failed":
        return _refused(event)
    if kind == "exited":
        return _exited(event)
    if kind == "stopped":
        return _stopped(event)
    if kind == "forked":
        return _forked(event)
    if kind == "lease_lost":
        return _ousted(event)
    return None


def told_aside(event: Mapping[str, Any]) -> str:
    """A sentence for an event that is not about a run."""
    if event.get("ev") == "log_paused":
        return f"its output is not logged: {os.strerror(event['errno'])}; it runs on"
    if event.get("ev") == "log_resumed":
        return f"its output is logged again; {event['lost']} bytes of it are not in the log"
    return _SENTENCES.get(str(event.get("ev"))) or str(event.get("text", ""))


def _spawned(event: Mapping[str, Any]) -> Report:
    return Report(
        seq=event["seq"],
        generation=event["gen"],
        trigger=Trigger.SPAWNED,
        at=event.get("at") or event["t"],
        pid=event["pid"],
        restart=bool(event.get("restart")),
    )


def _refused(event: Mapping[str, Any]) -> Report:
    delay = event.get("delay")
    return Report(
        seq=event["seq"],
        generation=event["gen"],
        trigger=Trigger.REFUSED if delay is None else Trigger.RETRYING,
        at=event["t"],
        reason=str(event.get("text", "could not be started")),
        cause=_REFUSALS.get(str(event.get("code")), "spawn-failed"),
        delay=delay,
    )


def _exited(event: Mapping[str, Any]) -> Report:
    end = Exit(code=event.get("code"), signal=event.get("signal"))
    trigger = _NEXT.get(str(event.get("next")))
    return Report(
        seq=event["seq"],
        generation=event["gen"],
        trigger=trigger,
        at=event["t"],
        pid=event.get("pid"),
        exit=end,
        reason=exit_words(end),
        cause=_cause(end, trigger),
        delay=event.get("delay"),
        runtime=event.get("runtime"),
    )


def _stopped(event: Mapping[str, Any]) -> Report:
    return Report(
        seq=event["seq"],
        generation=event["gen"],
        trigger=Trigger.GONE,
        at=event["t"],
        exit=Exit(code=event.get("code"), signal=event.get("signal")),
        rung=str(event.get("rung", "")),
        runtime=event.get("seconds"),
    )


def _forked(event: Mapping[str, Any]) -> Report:
    """The leader of a forking app handed over to its child."""
    return Report(seq=event["seq"], generation=event["gen"], trigger=None, at=event["t"], leader=event["pid"])


def _ousted(event: Mapping[str, Any]) -> Report:
    """An app that may run on one host only is ended: this may be that host no more."""
    return Report(
        seq=event["seq"],
        generation=event["gen"],
        trigger=Trigger.OUSTED,
        at=event["t"],
        reason=f"{LEASE_LOST} ({event['key']}, last kept {event['age']:.1f} s ago)",
        cause=OUSTED,
    )


def _cause(end: Exit, trigger: Trigger | None) -> str:
    if trigger is Trigger.SUCCEEDED:
        return "completed"
    if end.signal is not None:
        return "killed"
    return "unknown-exit" if end.code is None else "exited"
