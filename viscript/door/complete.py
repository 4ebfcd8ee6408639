"""Candidates for what is being typed, and the hint of what may follow. Reads the world, changes nothing."""

import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from viscript.cluster.model import Member
from viscript.door import hosting
from viscript.door.protocol import Complete
from viscript.redact import redact_args
from viscript.render.text import clean
from viscript.states import ENDED, State
from viscript.supervisor.api import World
from viscript.verbs.script import Partial, partial
from viscript.verbs.synopsis import argument_text, hint, options
from viscript.verbs.table import Arg, Kind, Option, Table, Verb
from viscript.verbs.topics import TOPICS

MOST: Final = 2000
_OF_THE_CLUSTER: Final = frozenset({"deploy rm", "deploy restart"})  # about apps that were deployed
_OF_ONE_HOST: Final = frozenset({"mv", "host drain", "host pause", "host resume"})
_ENDED_WELCOME: Final = frozenset(
    {"why", "logs", "status", "enable", "disable", "clear_failed", "restart", "events"}
)
_UNQUOTED: Final = frozenset(" \t\n;#'\"\\")

Candidate = tuple[str, str]  # what is typed, what it is


async def prepare(asked: Complete, world: World) -> None:
    """Have what stands on other hosts known, if the text names one; waits some milliseconds at most."""
    typed = partial(asked.text[: max(asked.cursor, 0)])
    if "/" in typed.last or typed.words or asked.host:
        await hosting.prepare([typed.last, *typed.words[1:], asked.host], world)


def complete(text: str, cursor: int, world: World, host: str = "") -> dict[str, Any]:  # Any: JSON
    """`items` and `hint` for a cursor in a text; `host` is the one that is meant where none is named."""
    typed = partial(text[: max(cursor, 0)])
    table: Table = world.table
    verb, words = _verb(table, typed.words)
    if verb is not None and (inner := _command(verb, words)) is not None:
        host, words = inner
        verb, words = _verb(table, words)
        typed = replace(typed, words=tuple(words))
    if verb is None:
        candidates = _verbs(table, typed.words)
        return {"items": _items(candidates, typed), "hint": ""}
    spot = _Spot(verb, words, host)
    return {
        "items": _items(spot.candidates(typed.last, world), typed),
        "hint": spot.hint(world) if not typed.last else "",
    }


def _verb(table: Table, words: Sequence[str]) -> tuple[Verb | None, Sequence[str]]:
    if len(words) >= 2 and (verb := table.get(f"{words[0]} {words[1]}")):
        return verb, words[2:]
    if words and (verb := table.get(words[0])):
        return verb, words[1:]
    return None, words


def _command(verb: Verb, words: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """For a verb that runs another, once its own arguments are typed: the host, and the other's words."""
    if all(arg.kind != "command" for arg in verb.args):
        return None
    plain = _Spot(verb, words).plain
    own = len(verb.args) - 1
    return (plain[0], plain[own:]) if len(plain) >= own else None


def _verbs(table: Table, words: Sequence[str]) -> Iterable[Candidate]:
    if words:
        return [(word, _summary(table, f"{words[0]} {word}")) for word in table.subwords(words[0])]
    singles = {spelling.partition(" ")[0] for spelling in table.spellings()}
    return [(spelling, _summary(table, spelling)) for spelling in sorted(singles)]


def _summary(table: Table, spelling: str) -> str:
    verb = table.get(spelling)
    if verb is None:
        return ", ".join(table.subwords(spelling))
    return verb.summary if verb.name == spelling else f"{verb.name}: {verb.summary}"


def _items(candidates: Iterable[Candidate], typed: Partial) -> list[dict[str, Any]]:  # Any: JSON
    prefix = typed.last
    fitting = [one for one in candidates if one[0].startswith(prefix)]
    if not fitting and prefix:
        lower = prefix.lower()
        fitting = [one for one in candidates if lower in one[0].lower()]
    return [
        {"text": quoted(text), "display": clean(text), "meta": clean(meta), "start": typed.start}
        for text, meta in fitting[:MOST]
    ]


def quoted(word: str) -> str:
    """The word as it must be typed."""
    if word and not _UNQUOTED.intersection(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Spot:
    """The place in a verb's command line where the cursor stands."""

    def __init__(self, verb: Verb, words: Sequence[str], host: str = "") -> None:
        self._verb = verb
        self._host = host
        self._by_flag = {flag: option for option in options(verb) for flag in option.flags}
        self._option: Option | None = None  # whose value comes next
        self._plain: list[str] = []  # positional words so far
        self._closed = False  # behind `--`
        for word in words:
            self._step(word)

    def _step(self, word: str) -> None:
        if self._option is not None:
            self._option = None
        elif self._closed or not word.startswith("-") or len(word) < 2:
            self._plain.append(word)
            self._closed = self._closed or self._verb.options_first
        elif word == "--":
            self._closed = True
        else:
            option = self._by_flag.get(word)
            self._option = option if option is not None and not option.flag else None
            if option is None and self._verb.passes_unknown:
                self._plain.append(word)

    @property
    def plain(self) -> Sequence[str]:
        """The positional words so far."""
        return self._plain

    @property
    def _arg(self) -> Arg | None:
        """The argument whose word comes next."""
        args = self._verb.args
        if len(self._plain) < len(args):
            return args[len(self._plain)]
        last = args[-1] if args else None
        return last if last is not None and (last.many or last.rest) else None

    def candidates(self, typed: str, world: World) -> list[Candidate]:
        """What may stand here."""
        if self._option is not None:
            return _values(self._option, self._verb, world)
        if typed.startswith("-") and not self._closed:
            return [
                (flag, option.help)
                for option in options(self._verb)
                for flag in option.flags
                if flag.startswith("--") or len(option.flags) == 1 or typed == "-"
            ]
        taken = set(self._plain)
        arg = self._arg
        if arg is not None and arg.rest and self._verb.name == "start":
            return _app_values(self._plain, world)
        found = self._found(arg, typed, world) if arg is not None else []
        many = arg is not None and arg.many
        return [one for one in found if one[0] not in taken] if many else found

    def _found(self, arg: Arg, typed: str, world: World) -> list[Candidate]:
        """What an argument may be, also on another host."""
        if arg.kind == "target" and "/" in typed:
            return hosting.targets_of(typed, world)
        if arg.kind == "target" and hosting.is_other(self._host, world):
            prefix = f"{self._host}/"
            return [(text.removeprefix(prefix), meta) for text, meta in hosting.targets_of(prefix, world)]
        found = _values(arg, self._verb, world)
        return [*found, *hosting.prefixes_of(world)] if arg.kind == "target" else found

    def hint(self, world: World) -> str:
        """What may follow; for an app its own arguments."""
        if self._option is not None:
            return self._option.metavar or self._option.name.upper()
        if self._verb.name == "start" and self._plain:
            return _app_hint(self._plain, world)
        if not self._plain:
            return hint(self._verb)
        left = list(self._verb.args[len(self._plain) :])
        if not left and (arg := self._arg) is not None:
            left = [arg]
        return " ".join(argument_text(arg) for arg in left)


def _app_hint(words: Sequence[str], world: World) -> str:
    entry = world.supervisor.apps().get(words[0])
    if entry is None:
        return ""
    left = entry.spec.args[len(words) - 1 :]
    shown = [arg.name.upper() if arg.required else f"[{arg.name.upper()}]" for arg in left]
    if not entry.spec.args and len(words) == 1:
        return " ".join(redact_args(entry.spec.default_args))
    return " ".join(shown)


def _app_values(words: Sequence[str], world: World) -> list[Candidate]:
    entry = world.supervisor.apps().get(words[0])
    if entry is None or len(entry.spec.args) < len(words):
        return []
    arg = entry.spec.args[len(words) - 1]
    values = [*arg.choices, *((arg.default,) if arg.default and arg.default not in arg.choices else ())]
    return [(value, arg.help) for value in values]


def _values(what: Arg | Option, verb: Verb, world: World) -> list[Candidate]:
    if what.choices:
        return [(choice, what.help) for choice in what.choices]
    source = _SOURCES.get(what.kind)
    return source(verb, world) if source is not None else []


def _targets(verb: Verb, world: World) -> list[Candidate]:
    """Ids first, each with app and state; then names, groups, `all`."""
    ended = verb.name in _ENDED_WELCOME
    instances = [item for item in world.supervisor.instances(ended=ended) if ended or item.state not in ENDED]
    found = [(str(item.seq), f"{item.name} {item.state}") for item in instances]
    found += [(item.name, f"[{item.seq}] {item.app} {item.state}") for item in instances]
    groups = sorted({item.spec.group for item in instances if item.spec.group})
    found += [(f"@{group}", "group") for group in groups]
    return [*found, ("all", f"{len(instances)} apps")]


def _apps(verb: Verb, world: World) -> list[Candidate]:
    if verb.name in _OF_THE_CLUSTER:
        return hosting.deployed_of(world)
    return [
        (name, entry.spec.desc or entry.source) for name, entry in sorted(world.supervisor.apps().items())
    ]


def _topics(verb: Verb, world: World) -> list[Candidate]:
    return [*_verbs(world.table, ()), *_apps(verb, world), *((topic, "topic") for topic in TOPICS)]


def _signals(verb: Verb, world: World) -> list[Candidate]:
    return [(one.name.removeprefix("SIG"), str(int(one))) for one in sorted(signal.Signals)]


def _states(verb: Verb, world: World) -> list[Candidate]:
    return [(state.value, "state") for state in State]


def _plugins(verb: Verb, world: World) -> list[Candidate]:
    return [(record.name, record.state) for record in world.plugins.records()] if world.plugins else []


def _hosts(verb: Verb, world: World) -> list[Candidate]:
    """Where a command may run; for verbs about one host, hosts of the cluster."""
    if verb.name in _OF_ONE_HOST:
        return hosting.labels_of(world)
    if verb.name == "deploy":
        return hosting.places_of(world)
    if not verb.name.startswith("host "):
        peers = hosting.peers_of(world) if verb.name == "on" else []
        return [*hosting.hosts_of(world), *peers]
    if world.book is None or world.book.roster is None:
        return []
    others = (one for key, one in world.book.roster.present.items() if key != world.book.identity.public_key)
    return [(one.label, f"{one.role} {one.key.hex()[:16]}") for one in sorted(others, key=_label_of)]


def _label_of(member: Member) -> str:
    return member.label


_SOURCES: Final[dict[Kind, Callable[[Verb, World], list[Candidate]]]] = {
    "target": _targets,
    "app": _apps,
    "topic": _topics,
    "verb": lambda verb, world: list(_verbs(world.table, ())),
    "signal": _signals,
    "state": _states,
    "plugin": _plugins,
    "host": _hosts,
}
