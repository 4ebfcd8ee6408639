"""run: any program as an app, without a configuration.

The client sees to a daemon first; this is the daemon's half.
"""

import re
import shutil
from pathlib import Path
from typing import Final

from viscript.config.model import App
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import AppEntry
from viscript.verbs.naming import shown_id
from viscript.verbs.reach import daemon, failed_start, goes_on, start_row, start_text
from viscript.verbs.results import StartRow
from viscript.verbs.starting import START_COLUMNS, environment, instance_name
from viscript.verbs.table import Arg, Call, Option, Outcome, Role, Verb

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


async def run(call: Call) -> Outcome:
    """Start the program in the caller's folder, as an app named after it."""
    world = daemon(call)
    entry = program(call.args["command"], call.cwd, call.environ.get("PATH"))
    name, env = instance_name(call.args["name"]), environment(call.args["env"])
    async with goes_on(call, lambda: f"the start of {entry.name} goes on; `la` shows it"):
        started = await call.desk.carry(world.supervisor.start(entry, name=name, env=env, actor=call.actor))
    if not started.ok:
        raise await failed_start(call, started)
    seq = shown_id(started.instance.seq)
    said = "" if call.mode == "repl" else "viscript "
    text = f"{start_text(started.instance)}\nnext: {said}log {seq}, {said}ru {seq}, {said}sd {seq}"
    return Outcome(data=start_row(started.instance, world.facts().label), text=text)


def program(command: tuple[str, ...], folder: str, search: str | None) -> AppEntry:
    """The app a command line makes. Raises `VerbError` NOT_FOUND when there is no such program."""
    first, *rest = command
    found = str(Path(folder) / first) if "/" in first else shutil.which(first, path=search)
    if found is None or not Path(found).exists():
        where = found or f"PATH ({search or 'the default'})"
        raise VerbError(ExitCode.NOT_FOUND, f'no program "{first}": looked at {where}')
    name = _NOT_IN_A_NAME.sub("-", Path(first).name).strip("-.") or "program"
    argv = (found, *rest)
    return AppEntry(name=name, source="run", spec=App(command=argv, cwd=folder), argv=argv, folder=folder)


VERBS = (
    Verb(
        name="run",
        summary="start any program as an app; starts the daemon when none runs",
        examples=("viscript run -- python3 -m http.server",),
        args=(Arg(name="command", rest=True, help="the program and its arguments"),),
        options=(
            Option(flags=("-n", "--name"), name="name", help="name of the instance"),
            Option(flags=("-e", "--env"), name="env", many=True, metavar="K=V", help="environment variable"),
        ),
        result=StartRow,
        columns=START_COLUMNS,
        passes_unknown=True,
        role=Role.ADMIN,
        where="client",
        handler=run,
    ),
)
