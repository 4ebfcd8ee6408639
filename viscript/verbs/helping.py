"""help: of the table, a verb, an app, a topic."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from viscript.errors import ExitCode, VerbError
from viscript.render.table import table
from viscript.render.text import clean_lines
from viscript.supervisor.api import AppEntry
from viscript.verbs.reach import with_new_plugins
from viscript.verbs.results import HelpPage
from viscript.verbs.suggest import nearest
from viscript.verbs.synopsis import argument_text, metavar, options, synopsis
from viscript.verbs.table import Arg, Call, Column, Outcome, Table, Terminal, Verb
from viscript.verbs.topics import TOPICS

GROUPS: Final = {
    "apps": "Apps",
    "look": "Looking",
    "config": "Configuration",
    "daemon": "Daemon",
    "hosts": "Hosts",
    "prompt": "Prompt",
}
_WIDE: Final = Terminal()


async def help(call: Call) -> Outcome:
    """A page of help; without a topic all verbs."""
    words = call.args["topic"]
    if call.world is not None:
        await with_new_plugins(call)
    page = _page(" ".join(words), call) if words else index(_table(call))
    return Outcome(data=page, text=page.text)


def _table(call: Call) -> Table:
    if call.world is not None:
        table: Table = call.world.table
        return table
    from viscript.verbs.core import builtin

    return builtin()


def _page(topic: str, call: Call) -> HelpPage:
    verbs = _table(call)
    if verb := verbs.get(topic):
        return verb_page(verb, tuple(f"{topic} {word}" for word in verbs.subwords(topic)))
    entries: dict[str, AppEntry] = call.world.supervisor.apps() if call.world is not None else {}
    if entry := _entry(topic, entries):
        return app_page(entry)
    if topic in TOPICS:
        return HelpPage(topic=topic, kind="topic", text=TOPICS[topic])
    if below := verbs.subwords(topic):
        pages = [verb_page(verb).text for word in below if (verb := verbs.get(f"{topic} {word}"))]
        return HelpPage(topic=topic, kind="verb", text="\n".join(pages))
    raise VerbError(
        ExitCode.NOT_FOUND,
        f'no help for "{topic}": no verb, app or topic has that name',
        suggestions=nearest(topic, (*verbs.spellings(), *entries, *TOPICS)),
    )


def _entry(name: str, entries: dict[str, AppEntry]) -> AppEntry | None:
    return entries.get(name) or next((entry for entry in entries.values() if name in entry.aliases), None)


def index(verbs: Iterable[Verb]) -> HelpPage:
    """All verbs by group, a line each."""
    grouped: dict[str, list[Verb]] = defaultdict(list)
    for verb in verbs:
        grouped[verb.group].append(verb)
    order = [*GROUPS, *sorted(set(grouped) - set(GROUPS))]
    parts = []
    room = max(len(_spellings(verb)) for group in grouped.values() for verb in group)
    for group in order:
        lines = [f"  {_spellings(verb).ljust(room)}  {verb.summary}" for verb in grouped.get(group, ())]
        if lines:
            parts.append("\n".join([f"{GROUPS.get(group, group.capitalize())}:", *lines]))
    parts.append("`help VERB`, `help APP`, or a topic: " + ", ".join(TOPICS))
    return HelpPage(topic="", kind="index", text="\n\n".join(parts) + "\n")


def _spellings(verb: Verb) -> str:
    return ", ".join((verb.name, *verb.aliases))


def verb_page(verb: Verb, below: Iterable[str] = ()) -> HelpPage:
    """How one verb is used; `below` are the verbs of two words that begin with it."""
    parts = [f"{synopsis(verb)}\n    {verb.summary}"]
    if verb.aliases:
        parts.append(f"Also: {', '.join(verb.aliases)}")
    if verb.help:
        parts.append(verb.help)
    if verb.args:
        parts.append(_block("Arguments", [(argument_text(arg), arg.help) for arg in verb.args]))
    rows = [(" ".join(filter(None, (", ".join(o.flags), metavar(o)))), o.help) for o in options(verb)]
    parts.append(_block("Options", rows))
    if verb.examples:
        parts.append("\n".join(["Examples:", *(f"  {line}" for line in verb.examples)]))
    if related := ", ".join(below):
        parts.append(f"See also: {related}")
    return HelpPage(topic=verb.name, kind="verb", text="\n\n".join(parts) + "\n")


def _block(title: str, rows: list[tuple[str, str]]) -> str:
    room = max(len(name) for name, _ in rows)
    return "\n".join([f"{title}:", *(f"  {name.ljust(room)}  {text}".rstrip() for name, text in rows)])


_ARGUMENT_COLUMNS = (
    Column(title="argument", text=lambda row: row.name),
    Column(title="type", text=lambda row: "|".join(row.choices) or row.type),
    Column(title="default", text=lambda row: row.default or ("required" if row.required else "")),
    Column(title="means", text=lambda row: row.help),
)


def app_page(entry: AppEntry) -> HelpPage:
    """What an app is, what it takes, how it is started."""
    from viscript.redact import redact_command

    spec = entry.spec
    _, default_args = redact_command(entry.argv, spec.default_args)
    parts = [f"{entry.name} ({entry.source}){': ' + spec.desc if spec.desc else ''}"]
    if entry.aliases:
        parts.append(f"Also: {', '.join(entry.aliases)}")
    if spec.args:
        parts.append(table(spec.args, _ARGUMENT_COLUMNS, _WIDE).rstrip())
    if default_args:
        parts.append(f"Default arguments: {' '.join(default_args)}")
    if spec.help:
        parts.append(spec.help.rstrip())
    parts.append(f"Example:\n  start {' '.join((entry.name, *_example(entry, default_args)))}")
    return HelpPage(topic=entry.name, kind="app", text=clean_lines("\n\n".join(parts) + "\n"))


def _example(entry: AppEntry, default_args: Iterable[str]) -> Iterable[str]:
    if entry.spec.args:
        return [arg.default or (arg.choices or (arg.name.upper(),))[0] for arg in entry.spec.args]
    return default_args


VERBS = (
    Verb(
        name="help",
        aliases=("h", "?"),
        group="prompt",
        summary="this list, or help on a verb, an app or a topic",
        examples=("help", "help start", "help apptracker", "help targets"),
        args=(Arg(name="topic", kind="topic", required=False, many=True, help="verb, app or topic"),),
        result=HelpPage,
        name_of=lambda row: row.topic,
        handler=help,
    ),
)
