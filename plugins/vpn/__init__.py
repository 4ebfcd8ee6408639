"""IP over the mesh: packets of `vpn-client` leave at the `vpn-server` of another node."""

from __future__ import annotations

from plugins.vpn.apps import apps
from plugins.vpn.settings import Settings
from plugins.vpn.verbs import VERBS
from viscript.plugin import RegisterApp, RegisterVerb, hookimpl


@hookimpl
def viscript_settings() -> type[Settings]:
    """What `plugins.settings.vpn` may hold."""
    return Settings


@hookimpl
def viscript_register_apps(register: RegisterApp, settings: Settings) -> None:
    """Register the apps; their code is not imported here."""
    for app in apps(settings):
        register(app)


@hookimpl
def viscript_register_verbs(register: RegisterVerb) -> None:
    """Register `vpn up`, `vpn confirm`, `vpn down`, `vpn status` and `vpn check`."""
    for spec, handler in VERBS:
        register(spec, handler)
