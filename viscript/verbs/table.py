"""What a verb is. Every mode, help, completion, docs and permissions are derived from this table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeVar

from viscript.errors import ExitCode, ViscriptError

T = TypeVar("T")


class Role(StrEnum):
    """What a caller must be allowed to do."""

    VIEW = "view"
    OPERATE = "operate"
    ADMIN = "admin"


Kind = Literal[
    "text", "int", "float", "seconds", "size", "json", "signal", "path",
    "target", "app", "verb", "state", "topic", "plugin", "host", "command",
]  # fmt: skip
Format = Literal["table", "wide", "json", "jsonl", "yaml", "name"]
Style = Literal["good", "busy", "bad", "dim", "bold"]


@dataclass(frozen=True, kw_only=True)
class Arg:
    """A positional argument. `many` takes all that follow; `rest` takes them unparsed.

    What a `private` one says, such as a letter's text, is for its receiver: the audit does not keep it.
    """

    name: str
    kind: Kind = "text"
    help: str = ""
    required: bool = True
    many: bool = False
    rest: bool = False
    default: object = None
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    private: bool = False


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option such as `-c N`; a `flag` takes no value. The key in `Call.args` is `name`."""

    flags: tuple[str, ...]
    name: str
    kind: Kind = "text"
    help: str = ""
    flag: bool = False
    many: bool = False
    default: object = None
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    metavar: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table: how to get its text from a row.

    `wide` shows it in `-o wide` only; a `shrink` column is cut first when the screen is too narrow.
    """

    title: str
    text: Callable[[Any], str]  # Any: a row is whatever Struct the verb answers with
    right: bool = False
    wide: bool = False
    shrink: bool = False
    style: Callable[[Any], Style | None] | None = None


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """What the caller's screen can show."""

    out: bool = False
    err: bool = False
    into: bool = False
    columns: int = 80
    colour: bool = False
    ascii: bool = True


class Writer(Protocol):
    """Where a running verb sends what it has before it is done; bounded, may wait for a slow reader."""

    async def out(self, text: str) -> None:
        """Text for stdout."""

    async def err(self, text: str) -> None:
        """Text for stderr."""

    async def row(self, data: object) -> None:
        """One row of a streamed result, in the format the caller asked for."""


class Desk(Protocol):
    """What the place a verb runs in offers besides the daemon itself."""

    async def carry(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end even when the caller is interrupted or gone; its result."""

    def detach(self, seq: int) -> int:
        """End every viewer of an app; how many there were."""

    async def ask(self, question: str) -> str | None:
        """What the person at the caller's terminal types; None when no more comes. Cancelling takes the
        question back.

        For callers whose `terminal.into` holds, and who are of this home.
        """


class FarEnd(Protocol):
    """Another host, as a verb asks it."""

    @property
    def label(self) -> str:
        """What it is called."""

    async def ask(self, *argv: str) -> tuple[int, str, str]:
        """Its exit code, what it wrote to stdout and to stderr, for a command run there."""


class NoDesk:
    """A desk for callers that have no connection: work is awaited where it stands."""

    async def carry(self, work: Coroutine[Any, Any, T]) -> T:
        """Await it."""
        return await work

    def detach(self, seq: int) -> int:
        """Nobody views anything here."""
        return 0

    async def ask(self, question: str) -> str | None:
        """Nobody is here to answer."""
        return None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One use of a verb. `world` is the daemon (or None for verbs that need none)."""

    verb: Verb
    args: dict[str, Any]  # Any: values have the type their Kind says
    world: Any  # Any: handlers narrow it to viscript.supervisor.api.World
    writer: Writer
    terminal: Terminal = Terminal()
    format: Format = "table"
    cwd: str = "/"
    mode: Literal["repl", "oneshot", "script", "piped", "api"] = "oneshot"
    actor: str = "local"
    role: Role = Role.ADMIN
    environ: dict[str, str] = field(default_factory=dict)
    desk: Desk = field(default_factory=NoDesk)
    covered: bool = False  # by an entry of the audit


@dataclass(frozen=True, kw_only=True)
class Attach:
    """Whose output to show on the caller's terminal, and whether it may type."""

    seq: int
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a verb answers. `text` replaces the table for people; `code` may tell a partial failure.

    `notes` go to stderr. `attach` asks the caller's connection to become a viewer of that app, `program`
    asks the caller to run this command line in its own place, with its own terminal.
    """

    data: object = None
    text: str | None = None
    code: ExitCode = ExitCode.DONE
    notes: tuple[str, ...] = ()
    attach: Attach | None = None
    program: tuple[str, ...] = ()


Handler = Callable[[Call], Awaitable[Outcome]]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One row of the table. A name of two words (`config check`) is a verb of its own.

    `reads` gives it `-o`; `streams` lets it write rows before it is done, shown to people by
    `line_of`; `passes_unknown` sends options it does not know to the app, in their order.
    With `options_first` its options stand before its first argument; all behind that is taken as it is.
    `role_of` tells the role that some arguments need, where that is not always `role`.
    One that is `here_only` is about this host's own end of things, so `--host` is not for it. `instead` says
    what is known here of a host that was asked and is away: its key, its label, and why. `ordered_here` is
    for a verb whose targets are on one other host, and which is an order that this host signs, if it can.
    """

    name: str
    aliases: tuple[str, ...] = ()
    group: str = "apps"
    summary: str
    help: str = ""
    examples: tuple[str, ...] = ()
    args: tuple[Arg, ...] = ()
    options: tuple[Option, ...] = ()
    result: Any = None  # Any: the Struct type, or list[Struct], its JSON Schema is published
    columns: tuple[Column, ...] = ()
    name_of: Callable[[Any], str] | None = None
    line_of: Callable[[Any], str] | None = None
    reads: bool = True
    streams: bool = False
    passes_unknown: bool = False
    options_first: bool = False
    role: Role = Role.VIEW
    role_of: Callable[[Mapping[str, Any]], Role] | None = None  # Any: as of `Call.args`
    where: Literal["daemon", "client"] = "daemon"
    here_only: bool = False
    handler: Handler | None = None
    ordered_here: Callable[[Call, FarEnd], Awaitable[Outcome]] | None = None
    instead: Callable[[Call, bytes, str, str], Awaitable[Outcome | None]] | None = None


class DuplicateVerb(ViscriptError):
    """Two verbs claim one spelling."""


class Table:
    """All verbs by every spelling."""

    def __init__(self) -> None:
        self._by_name: dict[str, Verb] = {}
        self._spellings: dict[str, Verb] = {}
        self._subwords: dict[str, tuple[str, ...]] = {}  # by the first word; every command line asks for it

    def add(self, verb: Verb) -> None:
        """Enter a verb. Raises `DuplicateVerb` when one of its spellings is taken."""
        spellings = (verb.name, *verb.aliases)
        for spelling in spellings:
            if spelling in self._spellings or spellings.count(spelling) > 1:
                raise DuplicateVerb(f"verb spelling {spelling!r} is taken")
        self._by_name[verb.name] = verb
        self._spellings.update(dict.fromkeys(spellings, verb))
        self._arrange(spellings)

    def remove(self, name: str) -> None:
        """Take a verb out again (a plugin was unloaded)."""
        verb = self._by_name.pop(name)
        for spelling in (verb.name, *verb.aliases):
            del self._spellings[spelling]
        self._subwords.clear()
        self._arrange(self._spellings)

    def get(self, spelling: str) -> Verb | None:
        """The verb with that name or alias."""
        return self._spellings.get(spelling)

    def spellings(self) -> tuple[str, ...]:
        """Every accepted spelling."""
        return tuple(self._spellings)

    def subwords(self, first: str) -> tuple[str, ...]:
        """The second words of the verbs that begin with `first`, such as `check` for `config`."""
        return self._subwords.get(first, ())

    def _arrange(self, spellings: Iterable[str]) -> None:
        for spelling in spellings:
            first, blank, rest = spelling.partition(" ")
            if blank:
                self._subwords[first] = (*self._subwords.get(first, ()), rest)

    def __iter__(self) -> Iterator[Verb]:
        return iter(self._by_name.values())
