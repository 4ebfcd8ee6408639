"""What a verb is. Every mode, help, completion, docs and permissions are derived from this table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from viscript.errors import ExitCode, ViscriptError


class Role(StrEnum):
    """What a caller must be allowed to do."""

    VIEW = "view"
    OPERATE = "operate"
    ADMIN = "admin"


Kind = Literal[
    "text", "int", "float", "seconds", "size", "json", "signal", "path",
    "target", "app", "verb", "state", "topic", "plugin",
]  # fmt: skip
Format = Literal["table", "wide", "json", "jsonl", "yaml", "name"]


@dataclass(frozen=True, kw_only=True)
class Arg:
    """A positional argument. `many` takes all that follow; `rest` takes them unparsed."""

    name: str
    kind: Kind = "text"
    help: str = ""
    required: bool = True
    many: bool = False
    rest: bool = False
    default: object = None
    choices: tuple[str, ...] = ()


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
    metavar: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table: how to get its text from a row."""

    title: str
    text: Callable[[Any], str]  # Any: a row is whatever Struct the verb answers with
    right: bool = False
    wide: bool = False


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
    environ: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a verb answers. `text` replaces the table for people; `code` may tell a partial failure."""

    data: object = None
    text: str | None = None
    code: ExitCode = ExitCode.DONE
    notes: tuple[str, ...] = ()


Handler = Callable[[Call], Awaitable[Outcome]]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One row of the table."""

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
    reads: bool = True
    streams: bool = False
    passes_unknown: bool = False
    role: Role = Role.VIEW
    where: Literal["daemon", "client"] = "daemon"
    handler: Handler | None = None


class DuplicateVerb(ViscriptError):
    """Two verbs claim one spelling."""


class Table:
    """All verbs by every spelling."""

    def __init__(self) -> None:
        self._by_name: dict[str, Verb] = {}
        self._spellings: dict[str, Verb] = {}

    def add(self, verb: Verb) -> None:
        """Enter a verb. Raises `DuplicateVerb` when one of its spellings is taken."""
        for spelling in (verb.name, *verb.aliases):
            if spelling in self._spellings:
                raise DuplicateVerb(f"verb spelling {spelling!r} is taken")
        self._by_name[verb.name] = verb
        for spelling in (verb.name, *verb.aliases):
            self._spellings[spelling] = verb

    def remove(self, name: str) -> None:
        """Take a verb out again (a plugin was unloaded)."""
        verb = self._by_name.pop(name)
        for spelling in (verb.name, *verb.aliases):
            del self._spellings[spelling]

    def get(self, spelling: str) -> Verb | None:
        """The verb with that name or alias."""
        return self._spellings.get(spelling)

    def spellings(self) -> tuple[str, ...]:
        """Every accepted spelling."""
        return tuple(self._spellings)

    def __iter__(self) -> Iterator[Verb]:
        return iter(self._by_name.values())
