"""argv -> verb and typed arguments, by the table. Pure; all it raises is `VerbError` USAGE.

A verb's own options count anywhere before `--`. Options it does not know are an error, except for
verbs that start programs (`passes_unknown`): there they go to the app with everything after `--`,
in their order, and an own option counts only when it is written out (`-n NAME`, `--name=NAME`),
so that an app's `-name` or `-addr` is never mistaken for a bundle of ours.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from viscript.errors import ExitCode, VerbError
from viscript.verbs import suggest, values
from viscript.verbs.synopsis import HOST, OUTPUT, options, synopsis
from viscript.verbs.table import Arg, Format, Option, Table, Verb

_NEGATIVE: Final = re.compile(r"-\d+(\.\d+)?")


class UnknownVerbError(VerbError):
    """No verb is called so; a plugin that is broken may be the reason."""


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A verb and the values of all its arguments and options by name.

    `places` tells which words of the command line gave a value: for an option its flag and value. `host` is
    where to run it, if that was said.
    """

    verb: Verb
    args: dict[str, Any]  # Any: the type of each follows its Kind
    format: Format = "table"
    help: bool = False
    host: str = ""
    places: dict[str, tuple[int, ...]] = field(default_factory=dict)


def wanted_format(argv: Sequence[str]) -> Format:
    """The output format a command asks for, found even when the rest of it is wrong."""
    for at, word in enumerate(argv):
        if word == "--":
            break
        for flag in OUTPUT.flags:
            value = argv[at + 1] if word == flag and at + 1 < len(argv) else word.removeprefix(f"{flag}=")
            if value != word and value in OUTPUT.choices:
                return cast("Format", value)
            if word.removeprefix(flag) in OUTPUT.choices:
                return cast("Format", word.removeprefix(flag))
    return "table"


# What other supervisors call it.
_MEANT: Final = {
    "daemon restart": "daemon upgrade",
    "daemon reload": "apply",
    "daemon start": "daemon --detach",
}


def find_verb(table: Table, argv: Sequence[str]) -> tuple[Verb, list[str]]:
    """The verb a command begins with, of two words or one, and the words after it."""
    if not argv:
        raise VerbError(ExitCode.USAGE, "no verb given", suggestions=("help",))
    first, rest = argv[0], list(argv[1:])
    if rest and (verb := table.get(f"{first} {rest[0]}")):
        return verb, rest[1:]
    verb, below = table.get(first), table.subwords(first)
    if verb and not (below and rest and not verb.args and not rest[0].startswith("-")):
        return verb, rest
    if below:
        raise _unknown_subverb(first, below, rest)
    raise UnknownVerbError(
        ExitCode.USAGE,
        f'unknown verb "{first}"',
        detail="`help` lists all verbs",
        suggestions=suggest.nearest(first, table.spellings()),
    )


def _unknown_subverb(first: str, below: tuple[str, ...], rest: list[str]) -> VerbError:
    if not rest:
        return VerbError(ExitCode.USAGE, f"{first}: one of {', '.join(below)} must follow")
    typed = f"{first} {rest[0]}"
    meant = _MEANT.get(typed)
    near = (meant,) if meant else tuple(f"{first} {word}" for word in suggest.nearest(rest[0], below))
    return VerbError(ExitCode.USAGE, f'unknown verb "{typed}" (known: {", ".join(below)})', suggestions=near)


def parse(table: Table, argv: Sequence[str]) -> Parsed:
    """The verb and its typed arguments."""
    lead = _leading_output(argv)
    verb, words = find_verb(table, argv[len(lead) :])
    scan = _Scan(verb=verb, words=[*lead, *words])
    scan.run()
    if scan.found.pop("help", False):
        return Parsed(verb=verb, args={}, help=True, format=scan.found.get("output", "table"))
    shares = _shares(verb, scan.positional)
    args = _defaults(verb) | _positionals(verb, scan.positional, shares) | scan.found
    spots = {name: tuple(scan.spots[share.start : share.stop]) for name, share in shares.items()} | scan.spans
    behind = len(argv) - len(words) - len(lead)  # the verb's own words
    return Parsed(
        verb=verb,
        format=args.pop("output", None) or "table",
        args=args,
        host=args.pop(HOST.name, None) or "",
        places={
            name: tuple(at if at < len(lead) else at + behind for at in ats) for name, ats in spots.items()
        },
    )


def _leading_output(argv: Sequence[str]) -> list[str]:
    """`-o json` before the verb means the same as behind it."""
    if argv and argv[0] in OUTPUT.flags:
        return list(argv[:2])
    if argv and argv[0].startswith("--output="):
        return [argv[0]]
    return []


def _defaults(verb: Verb) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in verb.options:
        empty = False if option.flag else () if option.many else None
        found[option.name] = option.default if option.default is not None else empty
    return found


@dataclass(kw_only=True)
class _Scan:
    """One pass over the words behind the verb."""

    verb: Verb
    words: list[str]
    positional: list[str] = field(default_factory=list)
    spots: list[int] = field(default_factory=list)  # where each positional word stood
    found: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, tuple[int, ...]] = field(default_factory=dict)  # the same of options

    def run(self) -> None:
        """Sort every word into options and positional arguments."""
        self._by_flag = {flag: option for option in options(self.verb) for flag in option.flags}
        self._total = len(self.words)
        while self.words:
            word = self.words.pop(0)
            self._at = self._total - len(self.words) - 1
            if word == "--":
                self._take_rest()
            elif len(word) < 2 or word[0] != "-" or self._is_number(word):
                self._take(word)
                if self.verb.options_first:
                    self._take_rest()
            elif not self._take_option(word):
                self._unknown(word)

    def _take(self, word: str) -> None:
        self.positional.append(word)
        self.spots.append(self._at)

    def _take_rest(self) -> None:
        self.positional += self.words
        self.spots += range(self._total - len(self.words), self._total)
        self.words = []

    def _is_number(self, word: str) -> bool:
        return bool(_NEGATIVE.fullmatch(word)) and word[:2] not in self._by_flag

    def _take_option(self, word: str) -> bool:
        flag, equals, value = word.partition("=")
        option = self._by_flag.get(flag)
        if self._started and option and option.name == "help":
            return False
        if option and not equals:
            self._store(option, flag, None if option.flag else self._value(option, flag))
            return True
        if option and word.startswith("--"):
            if option.flag:
                raise self._usage(f"{flag} takes no value")
            self._store(option, flag, value)
            return True
        return not word.startswith("--") and not self.verb.passes_unknown and self._take_bundle(word)

    @property
    def _started(self) -> bool:
        """Whether the app is named already, so that the rest may be meant for it."""
        return self.verb.passes_unknown and bool(self.positional)

    def _take_bundle(self, word: str) -> bool:
        """`-n5`, `-fn5`, `-fa`: flags, then at most one option with its value."""
        for at, letter in enumerate(word[1:], 1):
            option = self._by_flag.get(f"-{letter}")
            if option is None:
                return False
            if not option.flag:
                flag = f"-{letter}"
                self._store(option, flag, word[at + 1 :].removeprefix("=") or self._value(option, flag))
                return True
            self._store(option, f"-{letter}", None)
        return True

    def _value(self, option: Option, flag: str) -> str:
        if not self.words:
            raise self._usage(f"{flag} needs a value")
        return self.words.pop(0)

    def _store(self, option: Option, flag: str, word: str | None) -> None:
        if word is None:
            self.found[option.name] = True
            return
        value = _convert(self.verb, f"{flag}", option, word)
        if option.many:
            value = (*self.found.get(option.name, ()), value)
        self.found[option.name] = value
        span = tuple(range(self._at, self._total - len(self.words)))
        self.spans[option.name] = (*self.spans.get(option.name, ()), *span)

    def _unknown(self, word: str) -> None:
        if self._started:
            self._take(word)
            return
        flag = word.partition("=")[0]
        near = suggest.nearest(flag, self._by_flag) if len(flag) > 2 else ()
        text = f'unknown option "{flag}"'
        if self.verb.passes_unknown:
            first = self.verb.args[0].name.upper()
            text += f" before {first} (options behind it are taken as they are)"
        if flag in HOST.flags:
            text += f"; on another host: on HOST {self.verb.name} ..."
        raise self._usage(text, suggestions=near)

    def _usage(self, text: str, suggestions: tuple[str, ...] = ()) -> VerbError:
        return usage_error(self.verb, text, suggestions)


def usage_error(verb: Verb, text: str, suggestions: tuple[str, ...] = ()) -> VerbError:
    """A mistake in the use of `verb`, with the line that shows its use."""
    return VerbError(
        ExitCode.USAGE,
        f"{verb.name}: {text}; usage: {synopsis(verb)}",
        detail=f"`help {verb.name}` tells more",
        suggestions=suggestions,
    )


def _convert(verb: Verb, place: str, what: Arg | Option, word: str) -> Any:
    try:
        return values.convert(word, what.kind, choices=what.choices, at_least=what.at_least)
    except values.BadValue as exc:
        near = suggest.nearest(word, what.choices)
        raise usage_error(verb, f'{place}: {exc}, got "{word}"', near) from exc


def _shares(verb: Verb, words: Sequence[str]) -> dict[str, range]:
    """Which of the words each argument takes, in order; `many` leaves enough for those behind it."""
    found: dict[str, range] = {}
    at = 0
    for number, arg in enumerate(verb.args):
        behind = sum(later.required for later in verb.args[number + 1 :])
        room = len(words) - behind if arg.many or arg.rest else min(at + 1, len(words))
        found[arg.name] = range(at, max(at, room))
        at = found[arg.name].stop
    return found


def _positionals(verb: Verb, words: Sequence[str], shares: dict[str, range]) -> dict[str, Any]:
    """The words as values of the verb's arguments."""
    found: dict[str, Any] = {}
    for arg in verb.args:
        share = shares[arg.name]
        if arg.required and not share:
            raise usage_error(verb, f"missing {arg.name.upper()}")
        values_of = tuple(_convert(verb, arg.name.upper(), arg, words[at]) for at in share)
        found[arg.name] = values_of if arg.many or arg.rest else values_of[0] if values_of else arg.default
    taken = max((share.stop for share in shares.values()), default=0)
    if taken < len(words):
        raise usage_error(verb, f'unexpected argument "{words[taken]}"')
    return found
