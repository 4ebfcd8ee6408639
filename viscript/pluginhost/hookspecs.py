"""The hooks a plugin may implement. Each runs alone: what one plugin raises, no other plugin sees.

An implementation takes the arguments it needs, by these names, and may leave the others out. Hooks are quick
and not `async`; of a plugin that is no part of this program they run in a process of their own.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pluggy

from viscript.events import Event
from viscript.pluginhost.spec import DoctorCheck, RegisterApp, RegisterVerb, Target

PROJECT: Final = "viscript"
PREFIX: Final = "viscript_"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def viscript_settings() -> type[msgspec.Struct] | None:
    """Runs first when the plugin is loaded. Return the type of its `plugins.settings.NAME`."""


@hookspec
def viscript_register_apps(
    register: RegisterApp,
    settings: Any,  # Any: an instance of the plugin's own settings type, or None
) -> None:
    """Runs when the plugin is loaded. Call `register` with an `AppSpec` for each app."""


@hookspec
def viscript_register_verbs(
    register: RegisterVerb,
    settings: Any,  # Any: an instance of the plugin's own settings type, or None
) -> None:
    """Runs when the plugin is loaded. Call `register` with a `VerbSpec` and its `async` handler."""


@hookspec(firstresult=True)
def viscript_resolve_target(target: str) -> Target | None:
    """Runs when a verb's target is no id and no name. Return what it is, or None when it is not yours."""


@hookspec(firstresult=True)
def viscript_state_store(url: str) -> str | None:
    """Runs when the daemon opens its store. Return `module:callable` that opens such a URL, or None."""


@hookspec
def viscript_event(event: Event) -> None:
    """Runs after each event, in order. What is left unread for long is dropped, oldest first, and counted."""


@hookspec(firstresult=True)
def viscript_doctor() -> list[DoctorCheck] | None:
    """Runs for `doctor`. Return what you looked at and how it stands."""
