"""What can be started: the apps of the configuration and of the plugins, under one rule. Pure.

An app that a plugin registers under a name of the configuration keeps the plugin's command when
the block names none, or names a file that is not there; the block overrides the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from viscript.config.model import App, Config
from viscript.supervisor.api import AppEntry


def catalogue(
    config: Config,
    file: str,
    plugins: Mapping[str, AppEntry],
    exists: Callable[[str], bool] = os.path.exists,
) -> dict[str, AppEntry]:
    """Every startable app by name."""
    folder = str(Path(file).parent) if file else str(Path.cwd())
    entries = dict(plugins)
    for name, app in config.apps.items():
        offered = _offered(name, plugins)
        if offered is not None and not _has_command(app, folder, exists):
            entries.pop(offered.name, None)
            entries[name] = _merged(name, app, offered, file)
        else:
            entries[name] = AppEntry(
                name=name,
                source=Path(file).name or "configuration",
                spec=app,
                argv=_argv(name, app),
                folder=folder,
                file=file,
            )
    return entries


def _offered(name: str, plugins: Mapping[str, AppEntry]) -> AppEntry | None:
    if name in plugins:
        return plugins[name]
    return next((entry for entry in plugins.values() if name in entry.aliases), None)


def _has_command(app: App, folder: str, exists: Callable[[str], bool]) -> bool:
    if app.command:
        return True
    return app.path is not None and exists(str(Path(folder, app.path)))


def _argv(name: str, app: App) -> tuple[str, ...]:
    if app.command:
        return app.command
    return (app.path or name,)


def _merged(name: str, app: App, offered: AppEntry, file: str) -> AppEntry:
    """The block over the plugin's spec; the plugin's own name stays as an alias."""
    default = App()
    fields = {
        field: getattr(app, field)
        if getattr(app, field) != getattr(default, field)
        else getattr(offered.spec, field)
        for field in App.__struct_fields__
    }
    fields["path"], fields["command"] = offered.spec.path, offered.spec.command
    aliases = tuple(alias for alias in (offered.name, *offered.aliases) if alias != name)
    return msgspec.structs.replace(
        offered,
        name=name,
        spec=App(**fields),
        aliases=aliases,
        source=f"{Path(file).name} + {offered.source}",
    )
