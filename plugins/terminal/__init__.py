"""A shell on another host of the mesh, and its files: the app `terminal`, the verbs `ssh` and `scp`."""

from __future__ import annotations

from plugins.terminal.apps import app
from plugins.terminal.settings import Settings
from plugins.terminal.verbs import VERBS
from viscript.plugin import RegisterApp, RegisterVerb, hookimpl


@hookimpl
def viscript_settings() -> type[Settings]:
    """What `plugins.settings.terminal` may hold."""
    return Settings


@hookimpl
def viscript_register_apps(register: RegisterApp, settings: Settings) -> None:
    """Register the app; its code is not imported here."""
    register(app(settings))


@hookimpl
def viscript_register_verbs(register: RegisterVerb) -> None:
    """Register `ssh`, `scp`, `terminal known_hosts` and `terminal status`."""
    for spec, handler in VERBS:
        register(spec, handler)
