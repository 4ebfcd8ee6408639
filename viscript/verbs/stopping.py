"""shutdown and kill."""

import asyncio
from collections.abc import Sequence, Set

from viscript.errors import ExitCode, VerbError
from viscript.render.human import exit_text, span
from viscript.states import State
from viscript.supervisor.api import Instance, Stopped
from viscript.verbs.naming import shown_id, tag
from viscript.verbs.reach import daemon, goes_on, pick, title
from viscript.verbs.results import StopRow
from viscript.verbs.slow import Slow, told_when_slow
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Role, Verb

_RUNGS = {
    "bus": "ended when asked",
    "term": "ended by the stop signal",
    "kill": "had to be killed",
    "none": "was not running",
}

STOP_COLUMNS = (
    Column(title="id", text=lambda row: shown_id(row.id), right=True),
    Column(title="name", text=lambda row: row.name),
    Column(title="how", text=lambda row: _RUNGS.get(row.rung, row.rung)),
    Column(title="exit", text=lambda row: exit_text(row.exit)),
    Column(title="took", text=lambda row: span(row.seconds), right=True),
)


async def shutdown(call: Call) -> Outcome:
    """Stop the targets, dependents first; done when their trees are gone."""
    return await _stop(call, now=call.args["now"], grace=call.args["grace"])


async def kill(call: Call) -> Outcome:
    """Kill the targets' trees at once."""
    return await _stop(call, now=True, grace=None)


async def _stop(call: Call, *, now: bool, grace: float | None) -> Outcome:
    selection = pick(call, call.args["targets"])
    by_seq = {item.seq: item for item in selection.instances}
    left = dict(by_seq)
    rows: list[StopRow] = []
    notes: list[str] = []

    slow = Slow(call, grace=grace, now=now)

    async def one(seq: int) -> None:
        slow.begins(by_seq[seq])
        work = daemon(call).supervisor.stop(seq, grace=grace, now=now, actor=call.actor)
        try:
            rows.append(_row(by_seq[seq], await call.desk.carry(work)))
        except VerbError as exc:
            notes.append(f"{title(by_seq[seq])}: {exc.text}")
        slow.ends(left.pop(seq))

    async with goes_on(call, lambda: _waiting(list(left.values()), slow.text())), told_when_slow(call, slow):
        for layer in daemon(call).supervisor.stop_layers(tuple(by_seq)):
            async with asyncio.TaskGroup() as group:
                for seq in layer:
                    group.create_task(one(seq))
    rows.sort(key=lambda row: list(by_seq).index(row.id) if len(by_seq) < 100 else row.id)
    code = ExitCode.FAILED if notes else ExitCode.DONE
    pausing = {seq for seq, item in by_seq.items() if item.state in (State.BACKOFF, State.WAITING)}
    text = _text(rows, pausing, {seq for seq, item in by_seq.items() if item.next_run is not None})
    return Outcome(data=rows, text=text, code=code, notes=tuple(notes))


def _row(item: Instance, stopped: Stopped) -> StopRow:
    return StopRow(id=item.seq, name=item.name, exit=stopped.exit, seconds=stopped.seconds, rung=stopped.rung)


def _text(rows: Sequence[StopRow], pausing: Set[int], scheduled: Set[int]) -> str | None:
    """One or few are told as sentences, many as a table."""
    if len(rows) > 5:
        return None
    return "\n".join(
        f"{tag(row.id)} {row.name} {_end(row, pausing)}{_goes_on(row, scheduled)}" for row in rows
    )


def _goes_on(row: StopRow, scheduled: Set[int]) -> str:
    return f"; its schedule goes on (`disable {shown_id(row.id)}` ends that)" if row.id in scheduled else ""


def _end(row: StopRow, pausing: Set[int]) -> str:
    """How it ended; one that had no process and would have got one is not started any more."""
    if row.rung == "none":
        return "is not started again" if row.id in pausing else _RUNGS["none"]
    return f"{_RUNGS.get(row.rung, row.rung)}: {exit_text(row.exit)} after {span(row.seconds)}"


def _waiting(items: Sequence[Instance], slow: str) -> str:
    if slow:
        return f"{slow}\nthe stop goes on (`kill` ends them at once)"
    names = ", ".join(title(item) + (f" (pid {item.pid})" if item.pid else "") for item in items[:5])
    more = f" and {len(items) - 5} more" if len(items) > 5 else ""
    return f"the stop goes on; it waits for {names}{more} to end (`kill` ends them at once)"


_TARGETS = (Arg(name="targets", kind="target", many=True, help="which apps"),)

VERBS = (
    Verb(
        name="shutdown",
        aliases=("sd", "stop"),
        summary="stop apps, whole trees, dependents first",
        help=(
            "Asks on the bus, then sends the stop signal to the tree, then SIGKILL.\n"
            "Returns when all of it is gone."
        ),
        examples=("sd 7", "sd all --grace 2", "sd web --now"),
        args=_TARGETS,
        options=(
            Option(flags=("--grace",), name="grace", kind="seconds", metavar="S", help="time before SIGKILL"),
            Option(flags=("--now",), name="now", flag=True, help="SIGKILL at once"),
        ),
        result=list[StopRow],
        columns=STOP_COLUMNS,
        role=Role.OPERATE,
        handler=shutdown,
    ),
    Verb(
        name="kill",
        aliases=("k",),
        summary="stop apps at once with SIGKILL (`sd --now`)",
        examples=("kill 7",),
        args=_TARGETS,
        result=list[StopRow],
        columns=STOP_COLUMNS,
        role=Role.OPERATE,
        handler=kill,
    ),
)
