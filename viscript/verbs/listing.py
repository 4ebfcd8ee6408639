"""apps, list_apps and status."""

import shlex
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from msgspec import structs

from viscript.errors import ExitCode, VerbError
from viscript.render import human
from viscript.render.table import fields
from viscript.states import UP, State
from viscript.supervisor.api import AppEntry, Instance, World
from viscript.verbs.figures import figures_of, figures_text
from viscript.verbs.naming import shown_id
from viscript.verbs.reach import broken_plugins, daemon, pick, with_new_plugins
from viscript.verbs.results import AppRow, ListRow, StatusRow
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Style, Terminal, Verb
from viscript.verbs.targets import is_like

_STYLES: dict[str, Style] = {
    State.RUNNING: "good",
    State.READY: "good",
    State.WAITING: "busy",
    State.STARTING: "busy",
    State.STOPPING: "busy",
    State.BACKOFF: "bad",
    State.FATAL: "bad",
    State.STOPPED: "dim",
    State.DONE: "dim",
}


def _state_text(row: ListRow) -> str:
    due = row.next_run_seconds
    if row.retry_seconds is not None and (due is None or row.retry_seconds <= due):
        return f"{row.state}, again in {human.span(row.retry_seconds)}"
    if row.next_run_seconds is not None and row.pid is None:
        return f"{row.state}, next run in {human.span(row.next_run_seconds)}"
    return f"{row.state} {human.span(row.state_seconds)}"


LIST_COLUMNS = (
    Column(title="id", text=lambda row: shown_id(row.id), right=True),
    Column(title="name", text=lambda row: row.name, shrink=True),
    Column(title="app", text=lambda row: row.app, wide=True),
    Column(title="state", text=_state_text, style=lambda row: _STYLES.get(row.state)),
    Column(title="pid", text=lambda row: human.number(row.pid), right=True),
    Column(title="uptime", text=lambda row: human.span(row.uptime_seconds), right=True),
    Column(title="restarts", text=lambda row: str(row.restarts), right=True),
    Column(title="cpu %", text=lambda row: human.percent(row.cpu_percent), right=True),
    Column(title="rss", text=lambda row: human.size(row.rss_bytes), right=True),
    Column(title="last exit", text=lambda row: human.exit_text(row.last_exit), shrink=True),
    Column(title="generation", text=lambda row: f"{shown_id(row.id)}.{row.generation}", wide=True),
    Column(title="reason", text=lambda row: row.reason, wide=True),
)
COMMAND_COLUMN = Column(title="command", text=lambda row: row.command)


async def list_apps(call: Call) -> Outcome:
    """Every instance that is meant to run; with `-a` those that ended too."""
    world = daemon(call)
    rows = list_rows(world, world.supervisor.instances(ended=call.args["all"]))
    if call.args["full"] and call.format in ("table", "wide"):
        return Outcome(data=rows, text=_full_text(rows, call))
    return Outcome(data=rows)


def _full_text(rows: Sequence[ListRow], call: Call) -> str:
    from viscript.render.table import table

    return table(rows, (*LIST_COLUMNS, COMMAND_COLUMN), call.terminal, wide=True)


def list_rows(world: World, instances: Sequence[Instance]) -> list[ListRow]:
    """Public rows of instances, with the newest sample of their resources."""
    usage = world.usage.quick()
    now = world.now()
    host = world.facts().label
    return [_list_row(item, usage.get(item.seq), now, host) for item in instances]


def _list_row(item: Instance, usage: tuple[float, int] | None, now: float, host: str) -> ListRow:
    alive = item.pid is not None
    cpu, rss = usage if usage and alive else (None, None)
    return ListRow(
        id=item.seq,
        generation=item.generation,
        name=item.name,
        app=item.app,
        state=item.state.value,
        since=item.since,
        pid=item.pid,
        uptime_seconds=max(now - item.started_at, 0.0) if alive and item.started_at else None,
        restarts=item.restarts,
        cpu_percent=cpu,
        rss_bytes=rss,
        last_exit=item.last_exit,
        conditions=item.conditions,
        host=host,
        state_seconds=max(now - item.since, 0.0),
        retry_seconds=item.retry_seconds(now),
        reason=item.reason,
        command=_command(item.argv),
        enabled=item.enabled,
        next_run=item.next_run,
        next_run_seconds=max(item.next_run - now, 0.0) if item.next_run else None,
    )


@lru_cache(maxsize=2048)
def _command(argv: tuple[str, ...]) -> str:
    """The command line with what looks like a secret hidden."""
    from viscript.redact import redact_args

    return shlex.join(redact_args(argv))


async def apps(call: Call) -> Outcome:
    """What can be started, by name."""
    world = await with_new_plugins(call)
    supervisor = world.supervisor
    notes = tuple(filter(None, (broken_plugins(world),)))
    running = Counter(item.app for item in supervisor.instances() if item.state in UP)
    pattern = call.args["pattern"]
    entries = sorted(supervisor.apps().values(), key=lambda entry: entry.name)
    rows = [_app_row(entry, running[entry.name]) for entry in entries if _matches(entry, pattern)]
    if pattern and not rows:
        raise VerbError(ExitCode.NOT_FOUND, f'no app is like "{pattern}"', detail="`apps` lists all")
    if call.args["long"] and call.format == "table":
        return Outcome(data=rows, text=_long_text(rows, call), notes=notes)
    return Outcome(data=rows, notes=notes)


def _matches(entry: AppEntry, pattern: str | None) -> bool:
    if not pattern:
        return True
    names = (entry.name, *entry.aliases)
    return any(is_like(name, pattern) or pattern in name for name in names)


def _app_row(entry: AppEntry, running: int) -> AppRow:
    from viscript.redact import redact_command

    argv, default_args = redact_command(entry.argv, entry.spec.default_args)
    return AppRow(
        name=entry.name,
        source=entry.source,
        daemon=entry.spec.daemon,
        desc=entry.spec.desc,
        running=running,
        argv=argv,
        default_args=default_args,
    )


def _long_text(rows: Sequence[AppRow], call: Call) -> str:
    from viscript.render.table import table

    return table(rows, APP_COLUMNS, call.terminal, wide=True)


APP_COLUMNS = (
    Column(title="name", text=lambda row: row.name),
    Column(title="daemon", text=lambda row: "yes" if row.daemon else ""),
    Column(title="running", text=lambda row: str(row.running) if row.running else "", right=True),
    Column(title="source", text=lambda row: row.source),
    Column(title="description", text=lambda row: row.desc, shrink=True),
    Column(title="command", text=lambda row: " ".join((*row.argv, *row.default_args)), wide=True),
)


async def status(call: Call) -> Outcome:
    """Everything known about some apps; exit 3 when one of them is not up or not healthy.

    Those that are named are asked for figures of their own.
    """
    world = daemon(call)
    targets = call.args["targets"]
    items = pick(call, targets).instances if targets else tuple(world.supervisor.instances())
    own = await figures_of(world.supervisor, items) if targets else {}
    rows = [StatusRow(**structs.asdict(row), figures=own.get(row.id, {})) for row in list_rows(world, items)]
    bad = [row for row in rows if not is_healthy(row)]
    text = "\n".join(_status_text(row, call.terminal) for row in rows) if targets else None
    return Outcome(data=rows, text=text, code=ExitCode.NOT_HEALTHY if bad else ExitCode.DONE)


def _status_text(row: StatusRow, terminal: Terminal) -> str:
    own = figures_text(row.figures, terminal)
    return fields(_pairs(row), terminal) + (f"\n{own}" if own else "")


def is_healthy(row: ListRow) -> bool:
    """Whether it is up and no check says otherwise, did its work, or waits for the time of its next run."""
    failing = any(fact.type in ("Ready", "Healthy") and not fact.status for fact in row.conditions)
    idle = row.state == State.STOPPED and row.next_run is not None
    return idle or row.state == State.DONE or (row.state in UP and not failing)


def _next_run(row: ListRow) -> str:
    return "" if row.next_run is None else human.upcoming(row.next_run, row.next_run_seconds)


def _pairs(row: ListRow) -> list[tuple[str, str]]:
    facts: list[tuple[str, Any]] = [
        ("id", f"{shown_id(row.id)}.{row.generation}"),
        ("name", row.name),
        ("app", row.app),
        ("state", _state_text(row)),
        ("reason", row.reason),
        ("pid", row.pid or ""),
        ("uptime", human.span(row.uptime_seconds) if row.uptime_seconds is not None else ""),
        ("next run", _next_run(row)),
        ("restarts", row.restarts),
        ("last exit", human.exit_text(row.last_exit) if row.last_exit else ""),
        ("cpu", f"{human.percent(row.cpu_percent)} %" if row.cpu_percent is not None else ""),
        ("memory", human.size(row.rss_bytes) if row.rss_bytes is not None else ""),
        ("command", row.command),
        ("enabled", "yes" if row.enabled else "no"),
    ]
    facts += [
        (fact.type.lower(), f"{'yes' if fact.status else 'no'} {fact.reason}") for fact in row.conditions
    ]
    return [(name, str(value)) for name, value in facts if value != ""]


VERBS = (
    Verb(
        name="apps",
        group="look",
        summary="what can be started",
        examples=("apps", "apps -l 'mesh*'"),
        args=(Arg(name="pattern", kind="app", required=False, help="only names like this"),),
        options=(Option(flags=("-l", "--long"), name="long", flag=True, help="with the command line"),),
        result=list[AppRow],
        columns=APP_COLUMNS,
        name_of=lambda row: row.name,
        handler=apps,
    ),
    Verb(
        name="list_apps",
        aliases=("la", "ps", "list_tasks"),
        group="look",
        summary="what runs",
        examples=("la", "la -a", "la -o json"),
        options=(
            Option(flags=("-f", "--full"), name="full", flag=True, help="whole command line"),
            Option(flags=("-a", "--all"), name="all", flag=True, help="ended ones too"),
        ),
        result=list[ListRow],
        columns=LIST_COLUMNS,
        handler=list_apps,
    ),
    Verb(
        name="status",
        aliases=("st",),
        group="look",
        summary="all that is known of some apps; exit 3 when one is not well",
        help="Apps that are named and offer a method `status` on the bus tell their own figures too,\n"
        "such as who uses them and how much; their form is the app's.",
        examples=("status 7", "st"),
        args=(Arg(name="targets", kind="target", required=False, many=True, help="which apps; all of them"),),
        result=list[StatusRow],
        columns=LIST_COLUMNS,
        handler=status,
    ),
)
