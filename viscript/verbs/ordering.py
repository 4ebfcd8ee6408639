"""start of an app that the cluster runs: it is ordered, and waited for wherever it comes up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from viscript.errors import ExitCode, VerbError
from viscript.states import UP, State
from viscript.supervisor.api import FAILED, AppEntry
from viscript.verbs.results import StartRow
from viscript.verbs.table import Call, Outcome
from viscript.verbs.wishes import desired

if TYPE_CHECKING:
    from viscript.cluster.desired.showing import Shown
    from viscript.cluster.desired.side import DesiredSide

LOOK_S: Final = 0.1
_OWN: Final = ("arguments", "name", "env", "add", "attach", "wait_for")
_UP: Final = frozenset(state.value for state in UP | {State.DONE})


async def start_placed(call: Call, entry: AppEntry) -> Outcome:
    """Order it as its block says, and wait until all of it is up. Raises `VerbError`."""
    given = [name for name in _OWN if call.args[name]]
    if given:
        text = f"{entry.name} is run by the cluster as its block says, without {given[0]} of its own"
        raise VerbError(ExitCode.USAGE, f"{text}; `deploy {entry.name}` orders it otherwise")
    side, _ = desired(call)
    placing = call.world.placing  # which a daemon has where there is something to order from
    step = await call.desk.carry(placing.order(entry.name))
    if step.withheld:
        raise VerbError(ExitCode.FAILED, step.reason.removeprefix(FAILED))
    if call.args["no_wait"]:
        return _outcome(entry.name, [])
    return _outcome(entry.name, await _up(side, entry))


async def _up(side: DesiredSide, entry: AppEntry) -> list[Shown]:
    """All instances, once they are up. Raises `VerbError` with what is in the way."""
    from viscript.cluster.desired.showing import shown

    rows: list[Shown] = []
    try:
        async with asyncio.timeout(entry.spec.start_timeout):
            while True:
                rows = [row for row in shown(side) if row.app == entry.name and row.number]
                fatal = [row for row in rows if row.state == State.FATAL]
                if fatal:
                    raise VerbError(ExitCode.FAILED, _standing(fatal))
                if rows and all(row.state in _UP for row in rows):
                    return rows
                await asyncio.sleep(LOOK_S)
    except TimeoutError as exc:
        waiting = [row for row in rows if row.state not in _UP]
        text = f"not up within {entry.spec.start_timeout:g} s: {_standing(waiting) or entry.name}"
        raise VerbError(ExitCode.TIMED_OUT, f"{text}; the order stands, `deploy ls` shows it") from exc


def _standing(rows: Sequence[Shown]) -> str:
    """Each instance, its state, and why."""
    return "; ".join(f"{row.app}/{row.number} is {row.state}: {row.reason or row.host}" for row in rows)


def _outcome(app: str, rows: Sequence[Shown]) -> Outcome:
    """The first instance as data, as `start` has it; all of them in words."""
    if not rows:
        row = StartRow(id=0, generation=0, name=app, app=app, state="ordered", pid=None, host="")
        return Outcome(data=row, text=f"{app} is ordered; `deploy ls` shows how it stands")
    first = rows[0]
    row = StartRow(
        id=first.seq, generation=1, name=app, app=app, state=first.state, pid=None, host=first.host
    )
    return Outcome(data=row, text="\n".join(f"[{one.host}/{one.seq}] {app} is {one.state}" for one in rows))
