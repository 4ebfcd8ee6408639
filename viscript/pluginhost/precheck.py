"""Settings of plugins, checked before a daemon runs with them.

Only plugins that come with this program are imported for that; those of others run in processes of their own,
and the daemon tells what is wrong with theirs (`plugins`, `doctor`).
"""

from __future__ import annotations

from collections.abc import Mapping

from viscript.config.fault import BadConfig, fault_at
from viscript.config.loader import Loaded as Configuration
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.loaded import Loaded
from viscript.pluginhost.source import Source, built_in
from viscript.pluginhost.spec import SettingFault


def check_settings(loaded: Configuration) -> None:
    """Raises `BadConfig` for settings that a plugin of ours would not take."""
    faults = setting_faults(loaded.config.plugins.settings)
    if faults:
        raise BadConfig(fault_at(loaded.place_of(found.path), found.path, found.message) for found in faults)


def setting_faults(settings: Mapping[str, Mapping[str, object]]) -> list[SettingFault]:
    """What is wrong under `plugins.settings`, by the names of plugins that come with this program."""
    named = [source for source in built_in() if source.name in settings]
    return [fault for source in named for fault in _faults_of(source, settings[source.name])]


def _faults_of(source: Source, given: Mapping[str, object]) -> tuple[SettingFault, ...]:
    try:
        return Loaded(source, given).registration.setting_faults
    except PluginError as exc:
        return (SettingFault(path=f"plugins.settings.{source.name}", message=str(exc)),)
