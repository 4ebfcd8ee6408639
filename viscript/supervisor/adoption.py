"""Taking the apps back: what the store remembers against what the keeper has. Pure.

The keeper knows what lives; the store knows what users were told. Where they differ the keeper is
right. What the keeper does not know any more has ended with nobody watching: the host restarted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from viscript.keeper.ring import LIFE
from viscript.supervisor.api import Exit
from viscript.supervisor.exits import exit_words
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.reports import LEASE_LOST, OUSTED

_UP: Final = frozenset({Phase.RUNNING, Phase.READY})
_ENDED: Final = frozenset({Phase.STOPPED, Phase.DONE, Phase.FATAL})
_IDLE: Final = frozenset({"stopped", "ended"})
_STOPPING: Final = frozenset({"asking", "terming", "killing"})


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """Where an instance stands after a look at the keeper's record of it."""

    phase: Phase
    reason: str = ""
    cause: str = ""
    exit: Exit | None = None
    restarts: int = 0
    check: bool = False  # it runs: its settle and checks are armed again
    resume: bool = False  # its start was under way and had not reached the keeper


def adopted(remembered: Phase, record: Mapping[str, Any] | None, *, success: bool, rebooted: bool) -> Adopted:
    """The phase to go on with. `success`: whether the last exit counts as one by the app's policy."""
    if record is None:
        return _unknown(remembered, rebooted=rebooted)
    kept = str(record["phase"])
    end = last_exit(record)
    restarts = int(record.get("restarts") or 0)
    if kept == "running":
        up = remembered in _UP or bool(record.get("reached"))
        phase = Phase.RUNNING if up else Phase.STARTING
        return Adopted(phase=phase, exit=end, restarts=restarts, check=True)
    ousted = record.get("ousted") is True
    if kept in _STOPPING:
        phase = Phase.CYCLING if remembered is Phase.CYCLING else Phase.STOPPING
        reason, cause = (LEASE_LOST, OUSTED) if ousted else ("", "")
        return Adopted(phase=phase, reason=reason, cause=cause, exit=end, restarts=restarts)
    if kept in ("backoff", "clearing", "spawning"):
        return Adopted(
            phase=Phase.BACKOFF, reason=exit_words(end), cause=_cause(end), exit=end, restarts=restarts
        )
    return _ended(remembered, kept, end, restarts, success=success, ousted=ousted)


def _unknown(remembered: Phase, *, rebooted: bool) -> Adopted:
    if remembered in _ENDED:
        return Adopted(phase=remembered)
    if not rebooted:
        resume = remembered in (Phase.WAITING, Phase.STARTING, Phase.CYCLING)
        reason = "it was not running when the daemon came back"
        return Adopted(phase=Phase.STOPPED, reason=reason, cause="lost", resume=resume)
    return Adopted(phase=Phase.STOPPED, reason="the host restarted", cause="host-restarted")


def _ended(
    remembered: Phase, kept: str, end: Exit | None, restarts: int, *, success: bool, ousted: bool
) -> Adopted:
    if remembered in _ENDED:
        return Adopted(phase=remembered, exit=end, restarts=restarts)
    if remembered is Phase.CYCLING:
        return Adopted(phase=Phase.STOPPED, reason="stopped", exit=end, restarts=restarts, resume=True)
    if kept == "stopped" and ousted:
        return Adopted(phase=Phase.STOPPED, reason=LEASE_LOST, cause=OUSTED, exit=end, restarts=restarts)
    if kept == "stopped":
        return Adopted(phase=Phase.STOPPED, reason="stopped", exit=end, restarts=restarts)
    if success:
        return Adopted(
            phase=Phase.DONE, reason=exit_words(end), cause="completed", exit=end, restarts=restarts
        )
    return Adopted(phase=Phase.FATAL, reason=exit_words(end), cause=_cause(end), exit=end, restarts=restarts)


def missed(hello: Mapping[str, Any], *, greeted: bool) -> bool:
    """Whether the keeper told things that nobody heard.

    One that was replaced under a daemon's eyes (`greeted`) had told all it knew; one that comes after another
    and has nothing that ran meanwhile has nothing to tell.
    """
    if not hello.get("gap"):
        return False
    if int(hello.get("since") or 0) // LIFE == int(hello.get("cursor") or 0) // LIFE:
        return True
    return not greeted and any(record["phase"] not in _IDLE for record in hello["instances"])


def last_exit(record: Mapping[str, Any]) -> Exit | None:
    """The newest exit of a keeper's record."""
    exits = record.get("exits") or ()
    return Exit(code=exits[-1].get("code"), signal=exits[-1].get("signal")) if exits else None


def _cause(end: Exit | None) -> str:
    if end is None or (end.code is None and end.signal is None):
        return "unknown-exit"
    return "killed" if end.signal is not None else "exited"
