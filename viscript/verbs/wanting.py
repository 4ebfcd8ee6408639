"""enable, disable, clear_failed, scale, deps: which apps are meant to run."""

from viscript.errors import ExitCode, VerbError
from viscript.states import ENDED, State
from viscript.supervisor.api import Instance, Supervisor
from viscript.verbs.control import STATE_COLUMNS, acting, targets
from viscript.verbs.naming import tag
from viscript.verbs.reach import daemon, goes_on, pick, start_error, start_row
from viscript.verbs.results import DependencyRow, EnableRow, StartRow, StateRow
from viscript.verbs.roles import check_app, is_far
from viscript.verbs.starting import START_COLUMNS
from viscript.verbs.suggest import nearest
from viscript.verbs.table import Arg, Call, Column, Outcome, Verb

FAR_MOST = 1000  # instances that another host may want of an app, as of a deployment


async def enable(call: Call) -> Outcome:
    """Start the targets with the daemon, or run them by their schedule, from now on."""
    return await _set_enabled(call, enabled=True)


async def disable(call: Call) -> Outcome:
    """Do not start the targets with the daemon, or run them by their schedule, any more."""
    return await _set_enabled(call, enabled=False)


async def _set_enabled(call: Call, *, enabled: bool) -> Outcome:
    rows, lines = [], []
    for item in pick(call, call.args["targets"], ended=True).instances:
        await daemon(call).supervisor.set_enabled(item.seq, enabled)
        rows.append(EnableRow(id=item.seq, name=item.name, enabled=enabled))
        lines.append(f"{tag(item.seq)} {item.name} {_wanted(item, enabled=enabled)}")
    return Outcome(data=rows, text="\n".join(lines))


def _wanted(item: Instance, *, enabled: bool) -> str:
    if item.spec.schedule is not None:
        return "runs by its schedule" if enabled else "does not run by its schedule"
    return "starts with the daemon" if enabled else "does not start with the daemon"


async def clear_failed(call: Call) -> Outcome:
    """Forget failures: a fatal app becomes stopped, one in backoff is tried at once."""
    items = _failed(pick(call, call.args["targets"] or ("all",), ended=True).instances, call)
    rows = []
    for item in items:
        await daemon(call).supervisor.clear_failed(item.seq)
        now = daemon(call).supervisor.instance(item.seq)
        rows.append(StateRow(id=item.seq, name=item.name, state=now.state.value))
    return Outcome(data=rows, text="\n".join(f"{tag(row.id)} {row.name} is {row.state}" for row in rows))


def _failed(items: tuple[Instance, ...], call: Call) -> list[Instance]:
    """Named targets are taken as they are; of `all`, those that failed."""
    if call.args["targets"]:
        return list(items)
    return [item for item in items if item.state in (State.FATAL, State.BACKOFF)]


async def scale(call: Call) -> Outcome:
    """Start or stop instances of an app until so many are up; the newest are stopped first."""
    world = daemon(call)
    app, count = call.args["app"], call.args["count"]
    if app not in world.supervisor.apps():
        raise VerbError(
            ExitCode.NOT_FOUND, f'no app "{app}"', suggestions=nearest(app, world.supervisor.apps())
        )
    if count > FAR_MOST and is_far(call.actor):
        raise VerbError(ExitCode.USAGE, f"scale: {count} instances: {FAR_MOST} at most from another host")
    check_app(world.supervisor.apps()[app], role=call.role, actor=call.actor)
    live = _live(world.supervisor, app)
    async with goes_on(call, lambda: f"{app} stays at {len(_live(world.supervisor, app))} instances"):
        await _change(call, app, live, count)
    return Outcome(data=[start_row(item, world.facts().label) for item in _live(world.supervisor, app)])


def _live(supervisor: Supervisor, app: str) -> list[Instance]:
    return [item for item in supervisor.instances() if item.app == app and item.state not in ENDED]


async def _change(call: Call, app: str, live: list[Instance], count: int) -> None:
    """One after the other; whoever interrupts gets the one under way and no more."""
    world = daemon(call)
    for item in live[count:][::-1]:
        await call.desk.carry(world.supervisor.stop(item.seq, actor=call.actor))
    for _ in range(count - len(live)):
        started = await call.desk.carry(world.supervisor.start(app, actor=call.actor))
        if not started.ok:
            raise start_error(started, world.facts().label)


async def deps(call: Call) -> Outcome:
    """Who needs whom, and who only starts after whom."""
    entries = daemon(call).supervisor.apps()
    app = call.args["app"]
    if app is not None and app not in entries:
        raise VerbError(ExitCode.NOT_FOUND, f'no app "{app}"', suggestions=nearest(app, entries))
    rows = []
    for name in sorted(entries):
        spec = entries[name].spec
        rows += [DependencyRow(app=name, on=need, condition="ready", starts=True) for need in spec.needs]
        rows += [
            DependencyRow(app=name, on=after.app, condition=after.condition, starts=False)
            for after in spec.after
        ]
    return Outcome(data=[row for row in rows if app in (None, row.app, row.on)])


VERBS = (
    acting(
        "enable",
        enable,
        "start apps with the daemon, or run them by their schedule",
        aliases=("en",),
        args=targets(),
        result=list[EnableRow],
    ),
    acting(
        "disable",
        disable,
        "do not start apps with the daemon, nor run them by their schedule",
        aliases=("dis",),
        args=targets(),
        result=list[EnableRow],
    ),
    acting(
        "clear_failed",
        clear_failed,
        "forget failures; what waits is tried at once",
        aliases=("cf",),
        args=targets(required=False),
        result=list[StateRow],
        columns=STATE_COLUMNS,
    ),
    acting(
        "scale",
        scale,
        "run so many instances of an app",
        aliases=("sc",),
        args=(Arg(name="app", kind="app"), Arg(name="count", kind="int", at_least=0, help="how many")),
        result=list[StartRow],
        columns=START_COLUMNS,
        examples=("scale web 3",),
    ),
    Verb(
        name="deps",
        summary="which apps need or follow which",
        args=(Arg(name="app", kind="app", required=False, help="only its own edges"),),
        result=list[DependencyRow],
        columns=(
            Column(title="app", text=lambda row: row.app),
            Column(title="relation", text=lambda row: "needs" if row.starts else "after"),
            Column(title="on", text=lambda row: row.on),
            Column(title="condition", text=lambda row: row.condition),
        ),
        name_of=lambda row: f"{row.app} {row.on}",
        handler=deps,
    ),
)
