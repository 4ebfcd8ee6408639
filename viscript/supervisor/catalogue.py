"""What can be started: the apps of the configuration and of the plugins, under one rule. Pure.

An app that a plugin registers under a name of the configuration keeps the plugin's command when
the block names none, or names a file that is not there; the block overrides the rest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from viscript.config.loader import Loaded
from viscript.config.model import App
from viscript.supervisor import piped
from viscript.supervisor.api import AppEntry

Exists = Callable[[str], bool]


def on_the_path(program: str) -> bool:
    """Whether a bare name is a program of this system."""
    return shutil.which(program) is not None


def catalogue(
    loaded: Loaded,
    plugins: Mapping[str, AppEntry],
    exists: Exists = os.path.exists,
    on_path: Exists = on_the_path,
) -> dict[str, AppEntry]:
    """Every startable app by name."""
    entries = dict(plugins)
    for name, app in loaded.config.apps.items():
        file = loaded.file_of(name)
        offered = _offered(name, plugins)
        if offered is not None and not _has_command(app, file, exists, on_path):
            entries.pop(offered.name, None)
            entries[name] = _merged(name, app, offered, file)
        else:
            if offered is not None and offered.name in entries:
                entries[offered.name] = _without(entries[offered.name], name)
            entries[name] = _configured(name, app, file)
    return entries


def _configured(name: str, app: App, file: str) -> AppEntry:
    return AppEntry(
        name=name,
        source=Path(file).name or "configuration",
        spec=piped.meant(app),
        argv=app.command or (app.path or name,),
        folder=str(Path(file).absolute().parent),
        file=file,
    )


def _offered(name: str, plugins: Mapping[str, AppEntry]) -> AppEntry | None:
    if name in plugins:
        return plugins[name]
    return next((entry for entry in plugins.values() if name in entry.aliases), None)


def _has_command(app: App, file: str, exists: Exists, on_path: Exists) -> bool:
    if app.command:
        return True
    if app.path is None:
        return False
    return exists(str(Path(file).parent / app.path)) or ("/" not in app.path and on_path(app.path))


def _without(offered: AppEntry, name: str) -> AppEntry:
    """The plugin's app, which goes by its other names: a program of the configuration has this one."""
    aliases = tuple(alias for alias in offered.aliases if alias != name)
    return msgspec.structs.replace(offered, aliases=aliases)


def _merged(name: str, app: App, offered: AppEntry, file: str) -> AppEntry:
    """The block over the plugin's spec; the plugin's own name stays as an alias."""
    default = App()
    over = {key for key in App.__struct_fields__ if getattr(app, key) != getattr(default, key)}
    over -= {"path", "command"}
    spec = msgspec.structs.replace(offered.spec, **{key: getattr(app, key) for key in over})
    aliases = tuple(alias for alias in (offered.name, *offered.aliases) if alias != name)
    return msgspec.structs.replace(
        offered, name=name, spec=spec, aliases=aliases, source=f"{Path(file).name} + {offered.source}"
    )
