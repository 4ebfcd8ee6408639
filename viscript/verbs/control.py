"""signal, send, rpc, wait: what is said to an app, and waiting for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from viscript.errors import ExitCode, VerbError
from viscript.render.human import signal_name
from viscript.render.text import clean
from viscript.states import UP, State
from viscript.verbs.naming import shown_id, tag
from viscript.verbs.reach import daemon, pick, pick_one, title
from viscript.verbs.results import SendRow, SignalRow, StateRow
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Role, Verb

RPC_TIMEOUT_S = 10.0


async def signal(call: Call) -> Outcome:
    """Send a signal; the restart policy is left alone."""
    number: int = call.args["signal"]
    rows = []
    for item in pick(call, call.args["targets"]).instances:
        await daemon(call).supervisor.signal(item.seq, number, tree=call.args["tree"])
        rows.append(SignalRow(id=item.seq, signal=signal_name(number)))
    return Outcome(data=rows, text="\n".join(f"{tag(row.id)} got {row.signal}" for row in rows))


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
    text = entry.get("summary", "") if isinstance(entry, dict) else entry
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
    return Outcome(data=rows, text="\n".join(f"{tag(row.id)} {row.name} is {row.state}" for row in rows))


def targets(*, required: bool = True) -> tuple[Arg, ...]:
    """The argument of verbs that act on several apps."""
    return (Arg(name="targets", kind="target", required=required, many=True, help="which apps"),)


def acting(
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
    role: Role = Role.OPERATE,
) -> Verb:
    """A verb that changes something."""
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
        role=role,
    )


STATE_COLUMNS = (
    Column(title="id", text=lambda row: shown_id(row.id), right=True),
    Column(title="name", text=lambda row: row.name),
    Column(title="state", text=lambda row: row.state),
)

VERBS = (
    acting(
        "signal",
        signal,
        "send a signal",
        aliases=("sig",),
        args=(*targets(), Arg(name="signal", kind="signal", help="name or number")),
        options=(Option(flags=("--tree",), name="tree", flag=True, help="to all its processes"),),
        result=list[SignalRow],
        examples=("signal 7 HUP",),
    ),
    acting(
        "send",
        send,
        "write a line to an app's stdin",
        aliases=(),
        args=(
            Arg(name="target", kind="target", help="which app"),
            Arg(name="text", many=True, required=False, private=True, help="the line"),
        ),
        options=(
            Option(flags=("-n", "--no-newline"), name="no_newline", flag=True, help="without line end"),
        ),
        result=SendRow,
        examples=("send 7 reload now",),
    ),
    acting(
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
    acting(
        "wait",
        wait,
        "wait until apps are in a state",
        aliases=("w",),
        args=targets(),
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
        columns=STATE_COLUMNS,
        examples=("wait web --for ready --timeout 10s",),
        role=Role.VIEW,
    ),
)
