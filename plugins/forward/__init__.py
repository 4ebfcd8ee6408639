"""Forwarding: a port here leads to a peer (`fwd`), a port at a peer leads here (`rev`), if both agree."""

from __future__ import annotations

from plugins.forward.apps import app
from plugins.forward.settings import Settings
from plugins.forward.verbs import VERBS
from viscript.plugin import RegisterApp, RegisterVerb, hookimpl


@hookimpl
def viscript_settings() -> type[Settings]:
    """What `plugins.settings.forward` may hold."""
    return Settings


@hookimpl
def viscript_register_apps(register: RegisterApp) -> None:
    """Register the app; its code is not imported here."""
    register(app())


@hookimpl
def viscript_register_verbs(register: RegisterVerb) -> None:
    """Register `fwd`, `rev` and `forward ...`."""
    for spec, handler in VERBS:
        register(spec, handler)
