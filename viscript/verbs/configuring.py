"""apply and the `config` verbs."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from viscript.config.fault import BadConfig
from viscript.config.model import App, Config, is_placed
from viscript.config.plan import ORDER
from viscript.errors import ExitCode, VerbError
from viscript.render.yamlout import dump
from viscript.supervisor.api import PlanStep
from viscript.verbs.reach import daemon
from viscript.verbs.results import ConfigChange, ConfigFault, ConfigValue
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Role, Verb

_FILE = Arg(name="file", kind="path", required=False, help="the daemon's own file")


async def apply(call: Call) -> Outcome:
    """Make a file the active configuration; a bad one changes nothing."""
    from viscript.config.loader import load

    world = daemon(call)
    before = world.config()
    file = _file(call, world.facts().config)
    try:
        loaded = await asyncio.to_thread(load, file, os.environ, known=world.known_apps)
    except BadConfig as bad:
        raise bad.as_verb_error() from bad
    dry_run: bool = call.args["dry_run"]
    placing = getattr(world, "placing", None)
    ordered: list[PlanStep] = placing.steps(loaded) if placing is not None else []
    steps = await call.desk.carry(
        world.supervisor.apply(loaded, dry_run=dry_run, force=call.args["force"], actor=call.actor)
    )
    if placing is not None and not dry_run:
        ordered = carried(ordered, await call.desk.carry(placing.settle(again=True)))
    steps = merged(steps, ordered)
    news = any(step.action != "unchanged" or step.withheld for step in steps)
    later = tuple(_for_the_next(before, loaded.config))
    text = None if news else "nothing that runs changes" if later else "nothing changes"
    notes = ("dry run: nothing was done",) if dry_run else ()
    code = ExitCode.FAILED if any(step.failed for step in steps) else ExitCode.DONE
    return Outcome(data=steps, text=text, code=code, notes=(*later, *notes))


def carried(planned: list[PlanStep], done: list[PlanStep]) -> list[PlanStep]:
    """What was planned, as it came out: another look may have carried it out already, and faster."""
    withheld = {step.app: step for step in done if step.withheld}
    return [withheld.get(step.app, step) for step in planned]


def merged(here: list[PlanStep], cluster: list[PlanStep]) -> list[PlanStep]:
    """What happens on this host, and what is ordered from the cluster, in the order of a plan."""
    return sorted([*here, *cluster], key=lambda step: (ORDER.index(step.action), step.app))


def _for_the_next(before: Config, after: Config) -> Iterator[str]:
    """What of a new configuration is read by a daemon that starts, and not by this one."""
    changed = [
        name
        for name, here, there in (
            ("bus.tcp", before.bus.tcp, after.bus.tcp),
            ("bus.allow", before.bus.allow, after.bus.allow),
            ("cluster", before.cluster, after.cluster),
            ("store", before.store, after.store),
        )
        if here != there
    ]
    if changed:
        yield f"{', '.join(changed)}: read when a daemon starts; `daemon upgrade` starts one, the apps go on"
    here, there = before.plugins.settings, after.plugins.settings
    for name in sorted(name for name in {*here, *there} if here.get(name) != there.get(name)):
        yield f"plugins.settings.{name}: what runs goes on as it is; its apps read it when they start (`rs`)"


def _file(call: Call, active: str) -> str:
    given = call.args["file"]
    if given:
        return str(Path(call.cwd) / given)
    if not active:
        raise VerbError(ExitCode.USAGE, f"{call.verb.name}: the daemon has no configuration file; name one")
    return active


async def check(call: Call) -> Outcome:
    """All faults of a file; exit 6 when there are any. The path is printed as given."""
    from viscript.config.loader import load
    from viscript.pluginhost.precheck import check_settings

    name = call.args["file"] or _found(call)
    try:
        loaded = load(Path(call.cwd) / name, call.environ)
        check_settings(loaded)
    except BadConfig as bad:
        faults = [_fault(fault, name, str(Path(call.cwd) / name)) for fault in bad.faults]
        text = str(bad).replace(str(Path(call.cwd) / name), name)
        return Outcome(data=faults, text=text, code=ExitCode.BAD_CONFIG)
    notes: tuple[str, ...] = ()
    if any(map(is_placed, loaded.config.apps.values())):
        notes = _in_the_cluster(call, str(Path(call.cwd) / name))
    return Outcome(data=[], text=f"{name}: no faults", notes=notes)


def _in_the_cluster(call: Call, file: str) -> tuple[str, ...]:
    """What would not stand as the file says, where a daemon runs that knows the cluster."""
    from viscript.local.ask import ask
    from viscript.local.client import Client
    from viscript.local.door import DoorError

    try:
        answer = ask(Client(call.environ), ["apply", "--dry-run", file, "-o", "json"])
    except DoorError:
        return ("no daemon runs here: whether the cluster has other orders for these apps is not known",)
    found = answer.json()
    rows = found if isinstance(found, list) else []
    return tuple(f"{row['app']}: {row['reason']}" for row in rows if row["withheld"])


def _found(call: Call) -> str:
    from viscript.config.find import find_config
    from viscript.home import find_home

    found = find_config(None, call.environ, call.cwd, find_home(call.environ).root)
    if found.path is None:
        searched = ", ".join(map(str, found.searched))
        raise VerbError(
            ExitCode.NOT_FOUND, f"no configuration file; looked for {searched}", suggestions=("init",)
        )
    return str(found.path)


def _fault(fault: Any, name: str, path: str) -> ConfigFault:  # Any: viscript.config.fault.Fault
    return ConfigFault(
        file=name if fault.file == path else fault.file,
        line=fault.line,
        column=fault.column,
        path=fault.path,
        message=fault.message,
        suggestion=fault.suggestion,
    )


async def show(call: Call) -> Outcome:
    """The active configuration, secrets hidden."""
    world = daemon(call)
    if call.args["origin"]:
        return Outcome(data=await asyncio.to_thread(_with_origin, world.facts().config))
    from viscript.redact import redacted

    data = redacted(world.config())
    return Outcome(data=data, text=dump(data))


def _with_origin(file: str) -> list[ConfigValue]:
    from viscript.config.loader import defaults, load
    from viscript.config.show import shown

    try:
        loaded = load(file, os.environ) if file else defaults(os.environ)
    except BadConfig as bad:
        raise bad.as_verb_error() from bad
    return [
        ConfigValue(path=line.path, value=line.value, origin=" ".join(filter(None, (line.kind, line.where))))
        for line in shown(loaded)
    ]


async def diff(call: Call) -> Outcome:
    """What differs between the active configuration and the file, secrets hidden."""
    from viscript.config.loader import load
    from viscript.redact import redacted

    world = daemon(call)
    file = _file(call, world.facts().config)
    try:
        there = flat(redacted((await asyncio.to_thread(load, file, os.environ)).config))
    except BadConfig as bad:
        raise bad.as_verb_error() from bad
    here = flat(redacted(world.config()))
    usual = _defaults_of_an_app()
    changes = [
        ConfigChange(path=path, active=here.get(path), file=there.get(path))
        for path in sorted(here.keys() | there.keys())
        if here.get(path, usual(path)) != there.get(path, usual(path))
    ]
    return Outcome(data=changes, text=None if changes else f"{file} is what runs")


def _defaults_of_an_app() -> Callable[[str], object]:
    """Of an app that only one side has, what it leaves at its default is no difference."""
    from viscript.redact import redacted

    known = flat(redacted(Config(apps={"x": App()})))

    def usual(path: str) -> object:
        first, _, rest = path.partition(".")
        return known.get(f"apps.x.{rest.partition('.')[2]}") if first == "apps" else None

    return usual


def flat(data: object, path: str = "") -> dict[str, object]:
    """Nested mappings as dotted paths; lists are values."""
    if not isinstance(data, dict) or not data:
        return {path: data} if path else {}
    found: dict[str, object] = {}
    for key, value in data.items():
        found |= flat(value, f"{path}.{key}" if path else str(key))
    return found


async def explain(call: Call) -> Outcome:
    """What a key of the file means."""
    from viscript.config.explain import explain as explanation

    text = explanation(call.args["key"])
    return Outcome(data={"key": call.args["key"], "text": text}, text=text)


async def schema(call: Call) -> Outcome:
    """The JSON Schema of the file."""
    from viscript.config.schema import schema as made

    data = made()
    return Outcome(data=data, text=json.dumps(data, indent=2))


def _json(value: object) -> str:
    return "-" if value is None else json.dumps(value, default=str)


VERBS = (
    Verb(
        name="apply",
        group="config",
        summary="make a configuration the active one; only what changed is touched",
        examples=("apply --dry-run", "apply other.yaml"),
        args=(_FILE,),
        options=(
            Option(flags=("--dry-run",), name="dry_run", flag=True, help="only show the plan"),
            Option(
                flags=("--force",), name="force", flag=True, help="also when the file has no `apps` any more"
            ),
        ),
        result=list[PlanStep],
        columns=(
            Column(title="action", text=lambda row: row.action),
            Column(title="app", text=lambda row: row.app),
            Column(title="ids", text=lambda row: " ".join(map(str, row.ids))),
            Column(title="reason", text=lambda row: row.reason, shrink=True),
        ),
        name_of=lambda row: row.app,
        role=Role.ADMIN,
        handler=apply,
    ),
    Verb(
        name="config check",
        group="config",
        summary="all faults of a configuration file; needs no daemon",
        args=(_FILE,),
        result=list[ConfigFault],
        columns=(
            Column(title="place", text=lambda row: f"{row.file}:{row.line}:{row.column}"),
            Column(title="key", text=lambda row: row.path),
            Column(title="message", text=lambda row: row.message),
        ),
        name_of=lambda row: f"{row.file}:{row.line}:{row.column}",
        where="client",
        handler=check,
    ),
    Verb(
        name="config show",
        group="config",
        summary="the active configuration, secrets hidden",
        options=(
            Option(flags=("--origin",), name="origin", flag=True, help="where each value came from"),
        ),
        result=Any,
        columns=(
            Column(title="key", text=lambda row: row.path),
            Column(title="value", text=lambda row: _json(row.value)),
            Column(title="origin", text=lambda row: row.origin),
        ),
        name_of=lambda row: row.path if isinstance(row, ConfigValue) else "config",
        handler=show,
    ),
    Verb(
        name="config diff",
        group="config",
        summary="what differs between what runs and the file",
        help="To name another file than the active one needs the role admin.",
        args=(_FILE,),
        result=list[ConfigChange],
        columns=(
            Column(title="key", text=lambda row: row.path),
            Column(title="runs with", text=lambda row: _json(row.active), shrink=True),
            Column(title="file says", text=lambda row: _json(row.file), shrink=True),
        ),
        name_of=lambda row: row.path,
        role_of=lambda args: Role.ADMIN if args["file"] else Role.VIEW,
        handler=diff,
    ),
    Verb(
        name="config explain",
        group="config",
        summary="what a key of the file means",
        examples=("config explain apps.restart.delay",),
        args=(Arg(name="key", required=False, default="", help="dotted path"),),
        result=Any,
        name_of=lambda row: str(row["key"]),
        where="client",
        handler=explain,
    ),
    Verb(
        name="config schema",
        group="config",
        summary="the JSON Schema of the file",
        result=Any,
        name_of=lambda row: str(row.get("$id", "schema")),
        where="client",
        handler=schema,
    ),
)  # fmt: skip
