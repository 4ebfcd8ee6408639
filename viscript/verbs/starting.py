"""start and restart."""

import asyncio

from viscript.config.check import RESERVED_ENV, name_problem
from viscript.config.model import is_placed
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import AppEntry, Instance, Started
from viscript.verbs.naming import shown_id
from viscript.verbs.ordering import start_placed
from viscript.verbs.reach import (
    absent_plugins,
    daemon,
    failed_start,
    goes_on,
    pick,
    start_error,
    start_row,
    start_text,
    title,
    with_new_plugins,
)
from viscript.verbs.results import StartRow
from viscript.verbs.roles import check_app
from viscript.verbs.slow import Slow, SlowStart, told_when_slow
from viscript.verbs.suggest import nearest
from viscript.verbs.table import Arg, Attach, Call, Column, Option, Outcome, Role, Verb
from viscript.verbs.targets import base_name

START_COLUMNS = (
    Column(title="id", text=lambda row: shown_id(row.id), right=True),
    Column(title="name", text=lambda row: row.name),
    Column(title="state", text=lambda row: row.state),
    Column(title="pid", text=lambda row: str(row.pid or "-"), right=True),
)


async def start(call: Call) -> Outcome:
    """Start an app; done means that it registered, became ready, or settled."""
    world = await with_new_plugins(call)
    host = world.facts().label
    args = call.args
    entry = _entry(args["app"], world.supervisor.apps(), absent_plugins(world))
    check_app(entry, role=call.role, actor=call.actor)
    if is_placed(entry.spec):
        return await start_placed(call, entry)
    if args["no_wait"] and args["wait_for"]:
        raise VerbError(ExitCode.USAGE, "start: --no-wait and --wait-for exclude each other")
    slow = SlowStart(call, entry.name)

    def last_word() -> str:
        return "\n".join(filter(None, (slow.text(), f"the start of {args['app']} goes on; `la` shows it")))

    async with goes_on(call, last_word), told_when_slow(call, slow):
        started: Started = await call.desk.carry(
            world.supervisor.start(
                args["app"],
                args["arguments"],
                name=_name(entry, args["name"], args["arguments"]),
                env=environment(args["env"]),
                add=args["add"],
                wait=None if args["no_wait"] else args["wait_for"] or "started",
                actor=call.actor,
            )
        )
    if not started.ok:
        raise await failed_start(call, started)
    item = started.instance
    attach = Attach(seq=item.seq) if args["attach"] else None
    return Outcome(data=start_row(item, host), text=start_text(item), attach=attach)


def _entry(name: str, apps: dict[str, AppEntry], broken: str) -> AppEntry:
    """The app of that name or alias. Raises `VerbError` NOT_FOUND."""
    for entry in apps.values():
        if name in (entry.name, *entry.aliases):
            return entry
    known = [*apps, *(alias for entry in apps.values() for alias in entry.aliases)]
    raise VerbError(
        ExitCode.NOT_FOUND,
        f'no app "{name}" can be started here',
        detail=broken or "`apps` lists them; `viscript run -- COMMAND` starts any program",
        suggestions=nearest(name, known),
    )


def _name(entry: AppEntry, wanted: str | None, arguments: tuple[str, ...]) -> str | None:
    """What the instance is called: `-n`, or the first argument of an app that takes its name there."""
    takes = bool(entry.spec.args) and entry.spec.args[0].type == "name"
    if wanted is None and takes and arguments and not arguments[0].startswith("-"):
        return instance_name(arguments[0], "[1]")
    return instance_name(wanted)


def instance_name(name: str | None, where: str = "-n") -> str | None:
    """A name that is given to an instance, and that a target may use later. Raises `VerbError` USAGE."""
    problem = name_problem(base_name(name)) if name is not None else ""
    if problem:
        raise VerbError(ExitCode.USAGE, f'{where} "{name}": {problem}')
    return name


def environment(pairs: tuple[str, ...]) -> dict[str, str]:
    """`K=V` words as a mapping."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise VerbError(ExitCode.USAGE, f'-e takes NAME=VALUE, got "{name}"')
        if name in RESERVED_ENV:
            raise VerbError(ExitCode.USAGE, f"-e {name}: is set by viscript for every app")
        found[name] = value
    return found


async def restart(call: Call) -> Outcome:
    """Stop and start again under the same id; all at once, or one by one with `--rolling`."""
    world = daemon(call)
    host = world.facts().label
    selection = pick(call, call.args["targets"])
    done: list[Started] = []
    names = ", ".join(title(item) for item in selection.instances[:5])
    slow = Slow(call, grace=call.args["grace"])

    def last_word() -> str:
        return "\n".join(filter(None, (slow.text(), f"the restart of {names} goes on")))

    async with goes_on(call, last_word), told_when_slow(call, slow):
        if call.args["rolling"]:
            for item in selection.instances:
                done.append(await _restart_one(call, item, slow))
                if not done[-1].ok:
                    break
        else:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_restart_one(call, item, slow)) for item in selection.instances]
            done = [task.result() for task in tasks]
    failed = [started for started in done if not started.ok]
    if failed and len(selection.instances) == 1:
        raise await failed_start(call, failed[0])
    rows = [start_row(started.instance, host) for started in done]
    lines = [start_text(started.instance) for started in done if started.ok]
    skipped = len(selection.instances) - len(done)
    notes = [start_error(started, host).text for started in failed]
    if skipped:
        notes.append(f"{skipped} more were left as they are")
    return Outcome(
        data=rows[0] if selection.single else rows,
        text="\n".join(lines),
        code=ExitCode.FAILED if failed else ExitCode.DONE,
        notes=tuple(notes),
    )


async def _restart_one(call: Call, item: Instance, slow: Slow) -> Started:
    """An interrupted one stays among those that are waited for."""
    slow.begins(item)
    work = daemon(call).supervisor.restart(item.seq, grace=call.args["grace"], actor=call.actor)
    try:
        started = await call.desk.carry(work)
    except VerbError as exc:
        started = Started(instance=item, ok=False, code=int(exc.code), reason=exc.text)
    slow.ends(item)
    return started


VERBS = (
    Verb(
        name="start",
        aliases=("s",),
        summary="start an app",
        help=(
            "The arguments replace the app's default_args; --add appends them. Options that start does not\n"
            "know, and all words after --, go to the app. Done means: registered on the bus, passed its\n"
            "ready check, or lived for its settle time; otherwise the exit code is 1 with the reason.\n"
            "To set the environment (-e) needs the role admin: it can make an app run anything."
        ),
        examples=("s apptracker 127.0.0.1:20000", "s -n web -e PORT=80 server -- --verbose"),
        args=(
            Arg(name="app", kind="app", help="what `apps` lists"),
            Arg(name="arguments", help="given to the app", required=False, rest=True),
        ),
        options=(
            Option(
                flags=("-a", "--attach"), name="attach", flag=True, help="show its output and type into it"
            ),
            Option(flags=("-n", "--name"), name="name", help="name of the instance"),
            Option(
                flags=("-e", "--env"),
                name="env",
                many=True,
                metavar="K=V",
                help="set an environment variable",
            ),
            Option(flags=("--add",), name="add", flag=True, help="append to default_args"),
            Option(
                flags=("--no-wait",),
                name="no_wait",
                flag=True,
                help="return once it is launched or waits",
            ),
            Option(
                flags=("--wait-for",),
                name="wait_for",
                kind="state",
                metavar="STATE",
                help="return in that state",
            ),
        ),
        result=StartRow,
        columns=START_COLUMNS,
        passes_unknown=True,
        role=Role.OPERATE,
        role_of=lambda args: Role.ADMIN if args["env"] else Role.OPERATE,
        handler=start,
    ),
    Verb(
        name="restart",
        aliases=("rs",),
        summary="stop and start again under the same id",
        examples=("restart 7", "restart --rolling @web"),
        args=(Arg(name="targets", kind="target", many=True, help="which apps"),),
        options=(
            Option(flags=("--rolling",), name="rolling", flag=True, help="one after the other"),
            Option(
                flags=("--grace",), name="grace", kind="seconds", metavar="S", help="time to stop by itself"
            ),
        ),
        result=StartRow | list[StartRow],
        columns=START_COLUMNS,
        role=Role.OPERATE,
        handler=restart,
    ),
)
