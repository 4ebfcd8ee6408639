"""What a plugin registers and answers: plain data that can cross a process border."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from viscript.config.model import After, Argument, Check, Restart, Stop
from viscript.verbs.table import Arg, Option, Role

API_VERSION = 1


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    """Immutable data, made with keywords."""


class AppSpec(_Data, frozen=True, kw_only=True):
    """An app that can be started. `argv` names a program or a module; nothing is imported."""

    name: str
    argv: tuple[str, ...]
    summary: str = ""
    help: str = ""
    args: tuple[Argument, ...] = ()
    default_args: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    after: tuple[After, ...] = ()
    ready: Check | None = None
    health: Check | None = None
    daemon: bool = False
    env: dict[str, str] = {}
    restart: Restart = Restart()
    stop: Stop = Stop()
    tty: bool = False
    role: Literal["operate", "admin"] = "operate"  # that callers of other hosts need to start it


class VerbSpec(_Data, frozen=True, kw_only=True):
    """A verb; its handler is given beside it. `columns` are the keys of the rows it answers."""

    name: str
    summary: str
    help: str = ""
    aliases: tuple[str, ...] = ()
    group: str = "plugins"
    examples: tuple[str, ...] = ()
    args: tuple[Arg, ...] = ()
    options: tuple[Option, ...] = ()
    columns: tuple[str, ...] = ()
    reads: bool = True
    streams: bool = False
    options_first: bool = False  # its options end at its first argument, as with ssh
    role: Role = Role.VIEW


class Answer(_Data, frozen=True, kw_only=True):
    """What a verb came to when it is more than its data; `text` replaces the table for people.

    `program` is a command line that the caller runs in its own place: with its own terminal, standard input
    and output, and as its own exit code.
    """

    data: object = None
    text: str | None = None
    code: int = 0
    notes: tuple[str, ...] = ()
    program: tuple[str, ...] = ()


class Target(_Data, frozen=True, kw_only=True):
    """What a target text means to a plugin: a verb calls its own name as a method of `app`, with `params`.

    With `guess`, only the app can tell: where it does not run, or answers "not-found", there is none.
    """

    kind: str
    label: str
    app: str
    params: dict[str, Any] = {}  # Any: whatever the method takes
    guess: bool = False


class DoctorCheck(_Data, frozen=True, kw_only=True):
    """One line of `doctor`: what was looked at, how it stands, what to do."""

    check: str
    status: Literal["pass", "warn", "fail"]
    text: str = ""
    fix: str = ""


class SettingFault(_Data, frozen=True, kw_only=True):
    """A wrong value under `plugins.settings`; `path` is the place in the file."""

    path: str
    message: str
    suggestion: str = ""


class Registration(_Data, frozen=True, kw_only=True):
    """All that loading one plugin came to."""

    version: str = ""
    file: str = ""
    hooks: tuple[str, ...] = ()
    apps: tuple[AppSpec, ...] = ()
    verbs: tuple[VerbSpec, ...] = ()
    settings_schema: dict[str, Any] | None = None  # Any: JSON Schema
    setting_faults: tuple[SettingFault, ...] = ()


class PluginRecord(_Data, frozen=True, kw_only=True):
    """One plugin as `plugins` shows it."""

    name: str
    kind: str  # built-in, file, package, folder
    state: Literal["loaded", "loading", "broken", "failed", "blocked"]
    file: str = ""
    version: str = ""
    api: int = API_VERSION
    hooks: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    load_seconds: float | None = None
    calls: int = 0
    raised: int = 0
    events_dropped: int = 0
    error: str = ""
    traceback: str = ""


RegisterApp = Callable[[AppSpec], None]
Handler = Callable[[Any], Awaitable[object]]  # Any: a VerbCall; named there to keep imports one-way
RegisterVerb = Callable[[VerbSpec, Handler], None]
