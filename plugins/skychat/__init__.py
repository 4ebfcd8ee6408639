"""Chat by key: a page, a verb, history; texts reach peers who are away."""

from __future__ import annotations

from plugins.skychat.apps import apps
from plugins.skychat.settings import Settings
from plugins.skychat.verbs import VERBS
from viscript.plugin import RegisterApp, RegisterVerb, hookimpl


@hookimpl
def viscript_settings() -> type[Settings]:
    """What `plugins.settings.skychat` may hold."""
    return Settings


@hookimpl
def viscript_register_apps(register: RegisterApp, settings: Settings) -> None:
    """Register the chat; its code is not imported here."""
    for app in apps(settings):
        register(app)


@hookimpl
def viscript_register_verbs(register: RegisterVerb) -> None:
    """Register `chat` and what begins with it."""
    for spec, handler in VERBS:
        register(spec, handler)
