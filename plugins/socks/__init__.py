"""SOCKS over the mesh: what programs send to `socks-client` leaves at the `socks-server` of another node."""

from __future__ import annotations

from plugins.socks.apps import apps
from plugins.socks.settings import Settings
from plugins.socks.verbs import VERBS
from viscript.plugin import RegisterApp, RegisterVerb, hookimpl


@hookimpl
def viscript_settings() -> type[Settings]:
    """What `plugins.settings.socks` may hold."""
    return Settings


@hookimpl
def viscript_register_apps(register: RegisterApp, settings: Settings) -> None:
    """Register both apps; their code is not imported here."""
    for app in apps(settings):
        register(app)


@hookimpl
def viscript_register_verbs(register: RegisterVerb) -> None:
    """Register `socks up`, `socks down`, `socks check` and `socks status`."""
    for spec, handler in VERBS:
        register(spec, handler)
