"""on: any command on several hosts at once, a row a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from viscript.errors import ExitCode, VerbError
from viscript.render.formats import DATA_FORMATS, data_text
from viscript.render.human import span
from viscript.render.text import clean, paint, tame_lines
from viscript.verbs.abroad import heard_abroad, is_abroad, is_cluster, text_abroad
from viscript.verbs.parse import Parsed, parse, wanted_format
from viscript.verbs.reach import daemon
from viscript.verbs.results import OnRow
from viscript.verbs.roles import is_far, needed_role
from viscript.verbs.table import Arg, Call, Column, Format, Option, Outcome, Role, Style, Terminal, Verb

if TYPE_CHECKING:
    from viscript.cluster.far.asking import Heard, Manner
    from viscript.cluster.links.api import HostState

_STYLES: Final[dict[str, Style]] = {"ok": "good", "failed": "bad", "unreachable": "bad", "stale": "dim"}


async def on(call: Call) -> Outcome:
    """Run the command on every host that is meant; a row for each, whatever became of it."""
    from viscript.cluster.far.merging import data_of

    if is_far(call.actor):
        text = "a host does not pass on what others ask of it: ask the other host from your own"
        raise VerbError(ExitCode.NOT_PERMITTED, text)
    inner = _inner(call)
    form = _form(call, inner)
    abroad = is_abroad(call.args["selector"])
    heard = await (_heard_abroad(call, inner) if abroad else _heard(call, inner, form))
    code = ExitCode.DONE if all(one.status == "ok" for one in heard) else ExitCode.FAILED
    rows = [
        OnRow(
            host=one.host.label,
            status=one.status,
            code=one.code,
            age_seconds=one.age_seconds,
            result=data_of(one),
            text=one.err.strip(),
        )
        for one in heard
    ]
    if abroad and inner is not None and form in ("table", "wide"):
        return replace(text_abroad(inner, heard, form, call), data=rows, code=code)
    return Outcome(data=rows, text=_shown(call, form, heard, rows), code=code)


async def _heard_abroad(call: Call, parsed: Parsed | None) -> list[Heard]:
    """What hosts of another cluster answered."""
    argv = _without_form(call.args["command"], parsed)
    return await heard_abroad(call, parsed, argv, _manner(call, parsed))


def _form(call: Call, inner: Parsed | None) -> Format:
    """The form of the whole: `on @all la -o json` means the same as `on -o json @all la`."""
    if call.format != "table":
        return call.format
    return wanted_format(call.args["command"]) if inner is None else inner.format


def _inner(call: Call) -> Parsed | None:
    """The command as this host understands it; None where only the others may. Raises `VerbError`."""
    words: Sequence[str] = call.args["command"]
    table = daemon(call).table
    if words[0].startswith("-"):
        said = " ".join(["on", *words[:1], "...", call.args["selector"], "VERB"])
        raise VerbError(ExitCode.USAGE, f"on: its options stand before the hosts: {said}")
    if table.get(words[0]) is None and not table.subwords(words[0]):
        return None  # a plugin of theirs, perhaps
    parsed = parse(table, words)
    if parsed.verb.here_only:
        raise VerbError(ExitCode.USAGE, f"{parsed.verb.name} is for one host; type it there")
    if parsed.args.get("follow") or parsed.verb.name == "attach":
        selector = call.args["selector"]
        said = " ".join([words[0], "--host", selector, *words[1:]])
        raise VerbError(
            ExitCode.USAGE, "on waits for all to answer; what goes on for ever", suggestions=(said,)
        )
    return parsed


async def _heard(call: Call, parsed: Parsed | None, form: Format) -> list[Heard]:
    from viscript.cluster.far.route import Leg, in_form
    from viscript.cluster.far.silence import Silence
    from viscript.verbs.slow import told_when_slow

    far = daemon(call).far
    if far is None:
        raise VerbError(ExitCode.FAILED, "this host is in no cluster")
    reads = parsed is None or parsed.verb.reads
    form = "json" if form in DATA_FORMATS else form
    argv = _without_form(call.args["command"], parsed)
    hosts = _selected(call, far.links().hosts())
    legs = [in_form(Leg(host, argv), form, reads=reads) for host in hosts]
    async with told_when_slow(call, Silence(far.links(), [host.key for host in hosts])):
        found: list[Heard] = await far.asking().ask(legs, _manner(call, parsed), _here(call))
    return found


def _selected(call: Call, known: Sequence[HostState]) -> Sequence[HostState]:
    """The hosts that are meant. Raises `VerbError`, with a hint where the name is another cluster's."""
    from viscript.cluster.far.selecting import select

    text = call.args["selector"]
    try:
        return select(text, known).hosts
    except VerbError as exc:
        if is_cluster(call, text):
            said = f"on {text}/@all {' '.join(call.args['command'][:1])}"
            raise VerbError(exc.code, f"{text} is another cluster", suggestions=(said,)) from exc
        raise


def _without_form(words: Sequence[str], parsed: Parsed | None) -> tuple[str, ...]:
    places = () if parsed is None else parsed.places.get("output", ())
    return tuple(word for at, word in enumerate(words) if at not in places)


def _manner(call: Call, parsed: Parsed | None) -> Manner:
    from viscript.cluster.far.asking import Manner, plain
    from viscript.cluster.far.deadlines import CHANGING_S, LOOKING_S, deadline_of

    usual = LOOKING_S if parsed is None else deadline_of(parsed) or CHANGING_S
    looks = parsed is not None and needed_role(parsed.verb, parsed.args) is Role.VIEW
    return Manner(terminal=plain(call.terminal), deadline=call.args["timeout"] or usual, looks=looks)


def _here(call: Call) -> Any:  # Any: `Here` of viscript.cluster.far.asking
    from viscript.cluster.far.carry import local
    from viscript.verbs.run import Context

    return local(
        Context(
            table=daemon(call).table,
            world=call.world,
            sink=call.writer,
            terminal=call.terminal,
            cwd=call.cwd,
            actor=call.actor,
            role=call.role,
            environ=call.environ,
            desk=call.desk,
        )
    )


def _shown(call: Call, form: Format, heard: Sequence[Heard], rows: Sequence[OnRow]) -> str | None:
    """For people; None where the data is rendered as asked."""
    if form not in DATA_FORMATS:
        return _text(heard, call.terminal)
    return data_text(rows, form, call.terminal) if form != call.format else None


def _text(heard: Sequence[Heard], terminal: Terminal) -> str:
    """A line a host, and below it what it wrote."""
    room = max(len(one.host.label) for one in heard)
    return "\n".join("\n".join(_block(one, room, terminal)) for one in heard)


def _block(heard: Heard, room: int, terminal: Terminal) -> list[str]:
    why = " ".join(heard.err.split()).removeprefix(f"{heard.host.label} ")
    age = f", {span(heard.age_seconds)} old" if heard.status == "stale" else ""
    code = f", exit {heard.code}" if heard.status == "failed" else ""
    status = paint(f"{heard.status}{age}{code}", _STYLES[heard.status], colour=terminal.colour)
    lines = tame_lines(heard.out).rstrip("\n").splitlines()
    if len(lines) == 1 and not why and lines[0].startswith("["):
        return [f"{heard.host.label.ljust(room)}  {status}  {lines[0]}"]
    head = f"{heard.host.label.ljust(room)}  {status}" + (f": {clean(why)}" if why else "")
    old = terminal.colour and heard.status == "stale"
    return [head, *(paint(f"  {line}", "dim", colour=old) for line in lines)]


VERBS = (
    Verb(
        name="on",
        group="hosts",
        summary="run a command on several hosts at once; a row a host",
        help=(
            "SELECTOR: a host, several (m1,m2), a glob (edge-*), a label (role=edge), a key, or @all.\n"
            "CLUSTER/SELECTOR: hosts of another cluster (`peer ls`), for what it shares; 7 for all else.\n"
            "Status: ok, failed, unreachable, or stale: the host is away, and shown is what it said before.\n"
            "Exit code 1 when any is not ok. The time is that of the slowest, and the deadline at most:\n"
            "5 s for what only looks, 2 min for what changes something."
        ),
        examples=(
            "on @all la", "on role=edge restart web", "on --timeout 2s m1,m2 ping web", "on lab/@all la",
        ),
        args=(
            Arg(name="selector", kind="host", help="which hosts"),
            Arg(name="command", kind="command", rest=True, help="a verb and its arguments"),
        ),
        options=(
            Option(
                flags=("--timeout",), name="timeout", kind="seconds", at_least=0.1, metavar="S",
                help="deadline for all of it",
            ),
        ),
        result=list[OnRow],
        columns=(
            Column(title="host", text=lambda row: row.host),
            Column(title="status", text=lambda row: row.status, style=lambda row: _STYLES.get(row.status)),
        ),
        name_of=lambda row: row.host,
        options_first=True,
        here_only=True,
        handler=on,
    ),
)  # fmt: skip
