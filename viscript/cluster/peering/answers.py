"""The verbs that another cluster may use, as they answer it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from viscript.cluster.peering.allowed import ALLOWED
from viscript.diagnose.judge import WhyReport
from viscript.logs.reader import LogReader
from viscript.render.human import exit_text
from viscript.supervisor.api import Instance
from viscript.verbs.explaining import screen
from viscript.verbs.reach import daemon, pick, start_row, start_text
from viscript.verbs.table import Call, Outcome, Table

LAST_LINES: Final = 10


def limited(table: Table) -> Table:
    """The verbs there are for another cluster. Two answer by what the app's own life tells alone."""
    found = Table()
    own = {"why": _why, "restart": _restart}
    for name in ALLOWED:
        if (verb := table.get(name)) is not None:
            found.add(replace(verb, handler=own.get(name, verb.handler)))
    return found


async def _why(call: Call) -> Outcome:
    """State and last exit; who else is to blame is not told."""
    selection = pick(call, [call.args["target"]], ended=True)
    reports = [await _report(item) for item in selection.instances]
    if not selection.single:
        return Outcome(data=reports)
    return Outcome(data=reports[0], text=screen(reports[0], selection.instances[0].name, call.terminal))


async def _report(item: Instance) -> WhyReport:
    last = f"; it last ended so: {exit_text(item.last_exit)}" if item.last_exit is not None else ""
    lines = await asyncio.to_thread(_last_lines, item.log_dir) if item.log_dir else ()
    return WhyReport(
        id=item.seq,
        state=item.state.value,
        cause=item.cause,
        text=f"it is {item.state}{last}",
        next="its own cluster can say more",
        last_lines=lines,
    )


def _last_lines(folder: str) -> tuple[str, ...]:
    return tuple(line.text for line in LogReader(folder).last(LAST_LINES))


async def _restart(call: Call) -> Outcome:
    """One after the other, until one does not start."""
    world = daemon(call)
    selection = pick(call, call.args["targets"])
    started = []
    for item in selection.instances:
        work = world.supervisor.restart(item.seq, grace=call.args["grace"], actor=call.actor)
        started.append((await call.desk.carry(work)).instance)
    rows = [start_row(item, world.facts().label) for item in started]
    text = "\n".join(start_text(item) for item in started)
    return Outcome(data=rows[0] if selection.single else rows, text=text)
