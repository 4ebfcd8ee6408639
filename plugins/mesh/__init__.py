"""The mesh: its apps (visor, node-manager, setup-node, messenger), the verbs that speak to them, and peers
as targets of `ping`."""

from __future__ import annotations

import re
from typing import Final

from plugins.mesh.apps import apps
from plugins.mesh.settings import Settings
from plugins.mesh.verbs import VERBS
from viscript.plugin import RegisterApp, RegisterVerb, Target, hookimpl

_KEY: Final = re.compile(r"(02)?[0-9a-f]{64}", re.IGNORECASE)
_PEER: Final = "peer:"
_LABEL: Final = re.compile(r"[a-z][\w.-]{0,62}", re.IGNORECASE)


@hookimpl
def viscript_settings() -> type[Settings]:
    """What `plugins.settings.mesh` may hold."""
    return Settings


@hookimpl
def viscript_register_apps(register: RegisterApp, settings: Settings) -> None:
    """Register the processes of the mesh; their code is not imported here."""
    for app in apps(settings):
        register(app)


@hookimpl
def viscript_register_verbs(register: RegisterVerb) -> None:
    """Register the verbs of the mesh."""
    for spec, handler in VERBS:
        register(spec, handler)


@hookimpl
def viscript_resolve_target(target: str) -> Target | None:
    """A public key, or peer:NAME, is a peer of the visor; a bare name is one if the visor knows it."""
    name = target.removeprefix(_PEER)
    bare = name == target and not _KEY.fullmatch(target)
    if not name or (bare and not _LABEL.fullmatch(target)):
        return None
    return Target(kind="peer", label=name, app="visor", params={"peer": name}, guess=bare)
