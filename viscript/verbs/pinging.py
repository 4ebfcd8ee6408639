"""ping: round trips over the bus; for plain programs whether they are alive."""

import asyncio
from typing import Any

from viscript.errors import ExitCode, VerbError
from viscript.render.human import brief
from viscript.render.text import clean
from viscript.states import ENDED
from viscript.supervisor.api import Instance, Pong
from viscript.verbs.naming import shown_id, tag
from viscript.verbs.reach import daemon, pick, pick_one, title
from viscript.verbs.results import PingRow
from viscript.verbs.roles import is_far
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Verb

DEADLINE_S = 2.0
COUNT_MAX = 100_000  # each time is kept for the figures
FAR_INTERVAL_S = 0.1  # at least, between two round trips that a caller of another host wants
FIRST_S = 8.0  # a far target may have to be found first

_COLUMNS = (
    Column(title="id", text=lambda row: shown_id(row.id), right=True),
    Column(title="name", text=lambda row: row.name),
    Column(title="kind", text=lambda row: row.kind),
    Column(title="lost", text=lambda row: f"{row.lost}/{row.count}", right=True),
    Column(title="min", text=lambda row: brief(row.min_seconds), right=True),
    Column(title="median", text=lambda row: brief(row.median_seconds), right=True),
    Column(title="max", text=lambda row: brief(row.max_seconds), right=True),
)


async def ping(call: Call) -> Outcome:
    """Ask each target to answer, several at a time."""
    if call.args["count"] > COUNT_MAX:
        raise VerbError(ExitCode.USAGE, f"ping: -c {call.args['count']}: {COUNT_MAX} at most")
    try:
        selection = pick(call, [call.args["target"]])
    except VerbError as exc:
        return await _by_plugin(call, exc)
    for item in selection.instances:
        if selection.single and ((item.pid is None and not item.registered) or item.state in ENDED):
            why = f": {item.reason}" if item.reason and item.reason != item.state else ""
            raise VerbError(
                ExitCode.NOT_HEALTHY,
                f"{title(item)} is not running ({item.state}{why})",
                suggestions=(f"why {shown_id(item.seq)}",),
            )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_ping_one(call, item)) for item in selection.instances]
    rows = [task.result()[0] for task in tasks]
    failures = [failure for _, failure in (task.result() for task in tasks) if failure is not None]
    if selection.single and failures:
        raise failures[0]
    silent = [row for row in rows if row.lost == row.count]
    if selection.single and silent:
        raise _no_answer(rows[0])
    return Outcome(
        data=rows[0] if selection.single else rows,
        text=_sentence(rows[0]) if selection.single else None,
        code=ExitCode.NOT_HEALTHY if silent or failures else ExitCode.DONE,
        notes=tuple(failure.text for failure in failures),
    )


async def _by_plugin(call: Call, unknown: VerbError) -> Outcome:
    """What no instance is called may mean something to a plugin: it then names the app that pings it."""
    world = daemon(call)
    host = world.plugins if unknown.code is ExitCode.NOT_FOUND else None
    target = await host.resolve(call.args["target"]) if host is not None else None
    if target is None:
        raise unknown
    try:
        item = pick_one(call, target.app)
    except VerbError as exc:
        if target.guess:
            raise unknown from exc
        text = f"{target.kind} {target.label} is pinged by {target.app}, which does not run"
        raise VerbError(ExitCode.NOT_HEALTHY, text, suggestions=(f"s {target.app}",)) from exc
    count, interval = call.args["count"], _interval(call)
    params = target.params if count == 1 else {**target.params, "count": count, "interval": interval}
    deadline_s = FIRST_S + count * (DEADLINE_S + interval)
    try:
        answer = await world.supervisor.call(item.seq, "ping", params, deadline_s)
    except VerbError as exc:
        if target.guess and exc.code is ExitCode.NOT_FOUND:
            raise unknown from exc
        if isinstance(exc.data, dict) and "text" in exc.data:  # the app's own words
            raise VerbError(exc.code, str(exc.data["text"]), data=exc.data) from exc
        raise
    told: dict[str, Any] = answer if isinstance(answer, dict) else {}  # Any: what a plugin's app answers
    if told.get("count") and told.get("lost") == told["count"]:
        text = f"{target.kind} {target.label} did not answer ({told['lost']} of {told['count']} lost)"
        raise VerbError(ExitCode.TIMED_OUT, text, data=answer)
    return Outcome(data=answer, text=_far_sentence(target.label, told) or f"{target.label}: {answer}")


async def _ping_one(call: Call, item: Instance) -> tuple[PingRow, VerbError | None]:
    """The figures of one target, and what ended the round trips early: it died or left the bus."""
    pongs: list[Pong] = []
    kind = "bus" if item.registered else "process"
    for turn in range(call.args["count"]):
        if turn:
            await asyncio.sleep(_interval(call))
        try:
            pongs.append(await daemon(call).supervisor.ping(item.seq, DEADLINE_S))
        except VerbError as exc:
            pongs.append(Pong(kind=kind, seconds=None))
            if exc.code is not ExitCode.TIMED_OUT:
                row = summary(item, pongs)
                text = f"{title(item)} ended while it was asked: {exc.text}"
                if item.pid is None:
                    text = f"{title(item)} is not running ({item.state})"
                return row, VerbError(exc.code, text, suggestions=(f"why {shown_id(item.seq)}",), data=row)
        await _tell(call, item, turn + 1, pongs[-1])
    return summary(item, pongs), None


def _interval(call: Call) -> float:
    """The pause between two round trips; nobody elsewhere has an app asked without end."""
    wanted: float = call.args["interval"]
    return max(wanted, FAR_INTERVAL_S) if is_far(call.actor) else wanted


async def _tell(call: Call, item: Instance, turn: int, pong: Pong) -> None:
    """One line for people as each answer of several comes; programs get the figures at the end."""
    count = call.args["count"]
    if count == 1 or call.format not in ("table", "wide"):
        return
    said = "no answer" if pong.seconds is None else f"answered in {brief(pong.seconds)}"
    await call.writer.out(f"{clean(title(item))}: {turn} of {count} {said}\n")


def summary(item: Instance, pongs: list[Pong]) -> PingRow:
    """The figures of some round trips."""
    times = [pong.seconds for pong in pongs if pong.seconds is not None]
    return PingRow(
        id=item.seq,
        name=item.name,
        kind=pongs[-1].kind,
        count=len(pongs),
        lost=len(pongs) - len(times),
        min_seconds=min(times, default=None),
        median_seconds=_median(times) if times else None,
        max_seconds=max(times, default=None),
    )


def _median(times: list[float]) -> float:
    """By hand: `statistics` takes a quarter of a MB."""
    ordered = sorted(times)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _no_answer(row: PingRow) -> VerbError:
    if row.kind == "bus":
        text = f"{tag(row.id)} {row.name} did not answer on the bus within {DEADLINE_S:g} s"
        return VerbError(ExitCode.TIMED_OUT, text, suggestions=(f"why {shown_id(row.id)}",), data=row)
    text = f"{tag(row.id)} {row.name} is not alive"
    return VerbError(ExitCode.NOT_HEALTHY, text, suggestions=(f"why {shown_id(row.id)}",), data=row)


def _sentence(row: PingRow) -> str:
    if row.kind != "bus":
        how = f"plain program: checked by its process, {brief(row.median_seconds)}"
        return f"{tag(row.id)} {row.name} is alive ({how})"
    if row.count == 1:
        return f"{tag(row.id)} {row.name} answered in {brief(row.median_seconds)}"
    times = "/".join(brief(value) for value in (row.min_seconds, row.median_seconds, row.max_seconds))
    return f"{tag(row.id)} {row.name} answered {row.count - row.lost} of {row.count}, min/median/max {times}"


def _far_sentence(label: str, told: dict[str, Any]) -> str:  # Any: as above
    """The figures of a target that a plugin knows; nothing where its app tells none."""
    times = [told.get(name) for name in ("min_seconds", "median_seconds", "max_seconds")]
    if not all(isinstance(value, float | int) for value in times):
        return ""
    way = f" ({told['path']})" if told.get("path") else ""
    if told.get("count") == 1:
        return f"{label} answered in {brief(times[1])}{way}"
    came = told.get("count", 0) - told.get("lost", 0)
    figures = "/".join(brief(value) for value in times)
    return f"{label} answered {came} of {told.get('count')}, min/median/max {figures}{way}"


VERBS = (
    Verb(
        name="ping",
        aliases=("p",),
        group="look",
        summary="round trip to an app over the bus",
        help="A plain program is checked by its process and its probe, and the answer says so.\n"
        "With -c, each answer is shown as it comes; in the data formats there are the figures alone.",
        examples=("ping 7", "ping 7 -c 5 -i 1", "ping '*'"),
        args=(Arg(name="target", kind="target", help="which app"),),
        options=(
            Option(
                flags=("-c", "--count"), name="count", kind="int", default=1, at_least=1, metavar="N",
                help="how often",
            ),
            Option(
                flags=("-i", "--interval"), name="interval", kind="seconds", default=0.1, metavar="S",
                help="time between two",
            ),
        ),
        result=PingRow | list[PingRow],
        columns=_COLUMNS,
        handler=ping,
    ),
)  # fmt: skip
