"""plugins: what is loaded, from where, and what is wrong with it."""

from pathlib import Path
from typing import Any, Final

from viscript.errors import ExitCode, VerbError
from viscript.pluginhost.spec import DoctorCheck, PluginRecord
from viscript.render.human import span
from viscript.verbs.reach import daemon
from viscript.verbs.table import Arg, Call, Column, Outcome, Role, Style, Verb


async def plugins(call: Call) -> Outcome:
    """Every plugin, working or not."""
    host = daemon(call).plugins
    await host.refresh()
    return Outcome(data=host.records())


async def show(call: Call) -> Outcome:
    """One plugin with all that is known of it, its traceback included."""
    record: PluginRecord = daemon(call).plugins.record(call.args["plugin"])
    return Outcome(data=record, text=_text(record))


def _text(record: PluginRecord) -> str:
    facts = [
        ("name", record.name),
        ("kind", record.kind),
        ("state", record.state),
        ("version", record.version),
        ("file", record.file),
        ("hooks", ", ".join(record.hooks)),
        ("apps", ", ".join(record.apps)),
        ("verbs", ", ".join(record.verbs)),
        ("loaded in", span(record.load_seconds) if record.load_seconds is not None else ""),
        ("error", record.error),
    ]
    lines = [f"{name.ljust(9)}  {value}" for name, value in facts if value]
    return "\n".join([*lines, record.traceback]).rstrip()


async def doctor(call: Call) -> Outcome:
    """What plugins check, and what is wrong with them; exit 1 when a check failed."""
    found: list[DoctorCheck] = await daemon(call).plugins.doctor()
    failed = any(check.status == "fail" for check in found)
    text = None if found else "nothing is wrong with any plugin"
    return Outcome(data=found, text=text, code=ExitCode.FAILED if failed else ExitCode.DONE)


async def reload(call: Call) -> Outcome:
    """Load one plugin again, or all that changed."""
    return Outcome(data=await daemon(call).plugins.reload(call.args["plugin"]))


async def new(call: Call) -> Outcome:
    """Write the files of a new plugin into the current folder."""
    from viscript.pluginhost.scaffold import scaffold

    files: dict[str, str] = scaffold(call.args["name"])
    folder = Path(call.cwd)
    there = sorted(path for path in files if (folder / path).exists())
    if there:
        raise VerbError(ExitCode.FAILED, f"{there[0]} exists already; nothing was written")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return Outcome(data=sorted(files), text="\n".join(sorted(files)))


_STYLES: Final[dict[str, Style]] = {"loaded": "good", "loading": "busy", "blocked": "dim"}


def _style(row: Any) -> Style | None:  # Any: a PluginRecord
    return _STYLES.get(row.state, "bad")


_COLUMNS = (
    Column(title="name", text=lambda row: row.name),
    Column(title="state", text=lambda row: row.state, style=_style),
    Column(title="kind", text=lambda row: row.kind),
    Column(title="version", text=lambda row: row.version),
    Column(title="apps", text=lambda row: ", ".join(row.apps), shrink=True),
    Column(title="verbs", text=lambda row: ", ".join(row.verbs), shrink=True),
    Column(title="file", text=lambda row: row.file, shrink=True),
    Column(title="error", text=lambda row: row.error, shrink=True),
    Column(title="hooks", text=lambda row: ", ".join(row.hooks), wide=True),
    Column(title="load", text=lambda row: span(row.load_seconds), wide=True),
)

_STATUS: Final[dict[str, Style]] = {"pass": "good", "warn": "busy", "fail": "bad"}
CHECK_COLUMNS: Final = (
    Column(title="status", text=lambda row: row.status, style=lambda row: _STATUS.get(row.status)),
    Column(title="check", text=lambda row: row.check),
    Column(title="text", text=lambda row: row.text),
    Column(title="fix", text=lambda row: row.fix),
)

VERBS = (
    Verb(
        name="plugins",
        aliases=("pl",),
        group="config",
        summary="plugins: what is loaded, from where, what is broken",
        result=list[PluginRecord],
        columns=_COLUMNS,
        name_of=lambda row: row.name,
        handler=plugins,
    ),
    Verb(
        name="plugins show",
        aliases=("pl show",),
        group="config",
        summary="all that is known of one plugin, its traceback too",
        args=(Arg(name="plugin", kind="plugin"),),
        result=PluginRecord,
        name_of=lambda row: row.name,
        handler=show,
    ),
    Verb(
        name="plugins doctor",
        aliases=("pl doctor",),
        group="config",
        summary="what plugins check, and what is wrong with them; `doctor` has it too",
        result=list[DoctorCheck],
        columns=CHECK_COLUMNS,
        name_of=lambda row: row.check,
        handler=doctor,
    ),
    Verb(
        name="plugins reload",
        aliases=("pl reload",),
        group="config",
        summary="load a plugin again",
        args=(Arg(name="plugin", kind="plugin", required=False, help="all that changed"),),
        result=list[PluginRecord],
        columns=_COLUMNS,
        name_of=lambda row: row.name,
        role=Role.ADMIN,
        handler=reload,
    ),
    Verb(
        name="plugins new",
        aliases=("pl new",),
        group="config",
        summary="write a plugin with an app and a test into this folder",
        examples=("viscript plugins new hello",),
        args=(Arg(name="name"),),
        result=list[str],
        where="client",
        handler=new,
    ),
)
