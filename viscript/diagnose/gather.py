"""The facts behind one explanation, looked up on the host. Runs in a thread: it may read all of /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from viscript.diagnose.belonging import Belonging
from viscript.diagnose.evidence import address_in_use, denied, lock_taken
from viscript.diagnose.facts import Facts
from viscript.diagnose.holders import Holders, default_holders
from viscript.diagnose.look import Look
from viscript.diagnose.oom import was_out_of_memory
from viscript.diagnose.program import missing_interpreter, unusable
from viscript.diagnose.tail import last_lines
from viscript.states import State
from viscript.supervisor.api import Instance

_SIGKILL: Final = 9
_FAILED: Final = frozenset({State.BACKOFF, State.FATAL})


@dataclass(frozen=True, kw_only=True)
class Around:
    """What the daemon knows beside the instance. `leaders` maps pid to seq."""

    now: float
    home: str
    leaders: Mapping[int, int] = field(default_factory=dict)
    run_started: float | None = None
    run_pid: int | None = None
    stopped_by: str = ""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def gather(instance: Instance, around: Around, holders: Holders | None = None) -> Facts:
    """Look at the last lines first; at the host only for what they, or the state, make likely."""
    lines = last_lines(instance, around.run_started, around.environ)
    if instance.state is State.STARTING and instance.restarts and not address_in_use(lines):
        lines = last_lines(instance, None, around.environ)  # a try that may end as the last one did
    facts = Facts(now=around.now, last_lines=lines, stopped_by=around.stopped_by)
    if instance.state is State.STARTING and not address_in_use(lines):
        return facts
    if instance.state not in _FAILED and instance.state is not State.STARTING:
        return facts
    belonging = Belonging(around.home, around.leaders)
    look = Look(instance, lines, around.environ, holders or default_holders(), belonging)
    return Facts(
        now=around.now,
        last_lines=lines,
        stopped_by=around.stopped_by,
        conflict=look.conflict(),
        complaint=_complaint(lines),
        out_of_memory=_out_of_memory(instance, around),
        bad_interpreter=missing_interpreter(instance),
        unreadable=unusable(instance),
        leftovers=belonging.strays(instance.seq) if instance.state in _FAILED else (),
    )


def _complaint(lines: Sequence[str]) -> str:
    if address_in_use(lines):
        return "address"
    if lock_taken(lines):
        return "lock"
    return "permission" if denied(lines) else ""


def _out_of_memory(instance: Instance, around: Around) -> bool:
    end = instance.last_exit
    if end is None or end.signal != _SIGKILL or around.run_pid is None:
        return False
    return was_out_of_memory(around.run_pid, around.run_started or 0.0, around.now)
