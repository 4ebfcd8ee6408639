"""signal, send, rpc, wait, enable, disable, clear_failed, scale, deps."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from viscript.errors import ExitCode, VerbError
from viscript.render.human import signal_name
from viscript.render.text import clean
from viscript.states import ENDED, UP, State
from viscript.supervisor.api import Instance, Supervisor
from viscript.verbs.reach import daemon, goes_on, pick, pick_one, start_error, start_row, title
from viscript.verbs.results import DependencyRow, EnableRow, SendRow, SignalRow, StartRow, StateRow
from viscript.verbs.starting import START_COLUMNS
from viscript.verbs.suggest import nearest
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Role, Verb

RPC_TIMEOUT_S = 10.0


async def signal(call: Call) -> Outcome:
    """Send a signal; the restart policy is left alone."""
    number: int = call.args["signal"]
    rows = []
    for item in pick(call, call.args["targets"]).instances:
        await daemon(call).supervisor.signal(item.seq, number, tree=call.args["tree"])
        rows.append(SignalRow(id=item.seq, signal=signal_name(number)))
    return Outcome(data=rows, text="\n".join(f"[{row.id}] got {row.signal}" for row in rows))


async def send(call: Call) -> Outcome:
    """Write a line to an app's stdin."""
    item = pick_one(call, call.args["target"])
    line = " ".join(call.args["text"]) + ("" if call.args["no_newline"] else "\n")
    data = line.encode("utf-8", "surrogateescape")
    written = await daemon(call).supervisor.send(item.seq, data)
    if written < len(data):
        raise VerbError(
            ExitCode.FAILED, f"{title(item)} took {written} of {len(data)} bytes; it does not read its stdin"
        )
    return Outcome(data=SendRow(id=item.seq, written_bytes=written), text="")


async def rpc(call: Call) -> Outcome:
    """Call a method of an app; without a method, list what it offers."""
    item = pick_one(call, call.args["target"])
    supervisor = daemon(call).supervisor
    method = call.args["method"]
    if method is None:
        offered = await supervisor.describe(item.seq)
        lines = [clean(f"{name}  {_summary(entry)}".rstrip()) for name, entry in sorted(offered.items())]
        return Outcome(data=offered, text="\n".join(lines) or f"{title(item)} offers no methods")
    answer = await supervisor.call(item.seq, method, call.args["params"], call.args["timeout"])
    return Outcome(data=answer)


def _summary(entry: Any) -> str:  # Any: what the app says of its method
    text = entry.get("doc") or entry.get("help") or "" if isinstance(entry, dict) else str(entry)
    return str(text).partition("\n")[0]


async def wait(call: Call) -> Outcome:
    """Wait until every target is in a state; by default until it is up."""
    wanted = call.args["state"]
    states = frozenset({State(wanted)}) if wanted else UP
    items = pick(call, call.args["targets"]).instances
    supervisor = daemon(call).supervisor
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(supervisor.wait_for(item.seq, states, call.args["timeout"]))
                for item in items
            ]
    except* VerbError as several:
        raise several.exceptions[0] from None
    rows = [
        StateRow(id=item.seq, name=item.name, state=item.state.value)
        for item in (task.result() for task in tasks)
    ]
    return Outcome(data=rows, text="\n".join(f"[{row.id}] {row.name} is {row.state}" for row in rows))


async def enable(call: Call) -> Outcome:
    """Start the targets with the daemon from now on."""
    return await _set_enabled(call, enabled=True)


async def disable(call: Call) -> Outcome:
    """Do not start the targets with the daemon any more."""
    return await _set_enabled(call, enabled=False)


async def _set_enabled(call: Call, *, enabled: bool) -> Outcome:
    rows = []
    for item in pick(call, call.args["targets"], ended=True).instances:
        await daemon(call).supervisor.set_enabled(item.seq, enabled)
        rows.append(EnableRow(id=item.seq, name=item.name, enabled=enabled))
    word = "starts" if enabled else "does not start"
    return Outcome(data=rows, text="\n".join(f"[{row.id}] {row.name} {word} with the daemon" for row in rows))


async def clear_failed(call: Call) -> Outcome:
    """Forget failures: a fatal app becomes stopped, one in backoff is tried at once."""
    items = _failed(pick(call, call.args["targets"] or ("all",), ended=True).instances, call)
    rows = []
    for item in items:
        await daemon(call).supervisor.clear_failed(item.seq)
        now = daemon(call).supervisor.instance(item.seq)
        rows.append(StateRow(id=item.seq, name=item.name, state=now.state.value))
    return Outcome(data=rows, text="\n".join(f"[{row.id}] {row.name} is {row.state}" for row in rows))


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
    live = [item for item in world.supervisor.instances() if item.app == app and item.state not in ENDED]
    async with goes_on(call, lambda: f"the change of {app} to {count} instances goes on"):
        await call.desk.carry(_change(world.supervisor, app, live, count, call.actor, world.facts().label))
    live = [item for item in world.supervisor.instances() if item.app == app and item.state not in ENDED]
    return Outcome(data=[start_row(item, world.facts().label) for item in live])


async def _change(
    supervisor: Supervisor, app: str, live: list[Instance], count: int, actor: str, host: str
) -> None:
    for item in live[count:][::-1]:
        await supervisor.stop(item.seq, actor=actor)
    for _ in range(count - len(live)):
        started = await supervisor.start(app, actor=actor)
        if not started.ok:
            raise start_error(started, host)


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


def _targets(required: bool = True) -> tuple[Arg, ...]:
    return (Arg(name="targets", kind="target", required=required, many=True, help="which apps"),)


def _acting(
    name: str,
    handler: Callable[[Call], Coroutine[Any, Any, Outcome]],
    summary: str,
    *,
    aliases: tuple[str, ...],
    args: tuple[Arg, ...],
    result: Any,  # Any: the type whose schema is published
    options: tuple[Option, ...] = (),
    examples: tuple[str, ...] = (),
    columns: tuple[Column, ...] = (),
) -> Verb:
    return Verb(
        name=name,
        aliases=aliases,
        summary=summary,
        handler=handler,
        args=args,
        options=options,
        result=result,
        examples=examples,
        columns=columns,
        role=Role.OPERATE,
    )


_STATE_COLUMNS = (
    Column(title="id", text=lambda row: str(row.id), right=True),
    Column(title="name", text=lambda row: row.name),
    Column(title="state", text=lambda row: row.state),
)

VERBS = (
    _acting(
        "signal",
        signal,
        "send a signal",
        aliases=("sig",),
        args=(*_targets(), Arg(name="signal", kind="signal", help="name or number")),
        options=(Option(flags=("--tree",), name="tree", flag=True, help="to all its processes"),),
        result=list[SignalRow],
        examples=("signal 7 HUP",),
    ),
    _acting(
        "send",
        send,
        "write a line to an app's stdin",
        aliases=(),
        args=(
            Arg(name="target", kind="target", help="which app"),
            Arg(name="text", many=True, required=False, help="the line"),
        ),
        options=(
            Option(flags=("-n", "--no-newline"), name="no_newline", flag=True, help="without line end"),
        ),
        result=SendRow,
        examples=("send 7 reload now",),
    ),
    _acting(
        "rpc",
        rpc,
        "call a method an app offers",
        aliases=("r",),
        args=(
            Arg(name="target", kind="target", help="which app"),
            Arg(name="method", required=False, help="without it, the methods are listed"),
            Arg(name="params", kind="json", required=False, help="parameters as JSON"),
        ),
        options=(
            Option(
                flags=("--timeout",),
                name="timeout",
                kind="seconds",
                default=RPC_TIMEOUT_S,
                metavar="S",
                help="deadline",
            ),
        ),
        result=Any,
        examples=("rpc 7", 'rpc apptracker find \'{"type": "socks"}\''),
    ),
    _acting(
        "wait",
        wait,
        "wait until apps are in a state",
        aliases=("w",),
        args=_targets(),
        options=(
            Option(flags=("--for",), name="state", kind="state", metavar="STATE", help="running or ready"),
            Option(
                flags=("--timeout",),
                name="timeout",
                kind="seconds",
                default=60.0,
                metavar="S",
                help="deadline",
            ),
        ),
        result=list[StateRow],
        columns=_STATE_COLUMNS,
        examples=("wait web --for ready --timeout 10s",),
    ),
    _acting(
        "enable",
        enable,
        "start apps with the daemon",
        aliases=("en",),
        args=_targets(),
        result=list[EnableRow],
    ),
    _acting(
        "disable",
        disable,
        "do not start apps with the daemon",
        aliases=("dis",),
        args=_targets(),
        result=list[EnableRow],
    ),
    _acting(
        "clear_failed",
        clear_failed,
        "forget failures; what waits is tried at once",
        aliases=("cf",),
        args=_targets(required=False),
        result=list[StateRow],
        columns=_STATE_COLUMNS,
    ),
    _acting(
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
