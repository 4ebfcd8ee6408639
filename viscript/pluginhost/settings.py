"""A plugin's settings, checked against the type it declares: every fault in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from viscript.config.suggest import look_alikes
from viscript.pluginhost.spec import SettingFault

Checked = tuple[Any, tuple[SettingFault, ...]]  # Any: an instance of the plugin's own type


def check(plugin: str, kind: type[msgspec.Struct] | None, raw: Mapping[str, object]) -> Checked:
    """The settings as the plugin's type, or None, and what is wrong with them."""
    path = f"plugins.settings.{plugin}"
    if kind is None:
        return None, (SettingFault(path=path, message="this plugin takes no settings"),) if raw else ()
    faults = [*_unknown(path, kind, raw), *_wrong(path, kind, raw)]
    if faults:
        return None, tuple(faults)
    return msgspec.convert(dict(raw), kind), ()


def schema(kind: type[msgspec.Struct] | None) -> dict[str, Any] | None:
    """The JSON Schema of the settings type."""
    return None if kind is None else msgspec.json.schema(kind)


def _unknown(path: str, kind: type[msgspec.Struct], raw: Mapping[str, object]) -> list[SettingFault]:
    names = [field.encode_name for field in msgspec.structs.fields(kind)]
    faults = []
    for key in raw:
        if key not in names:
            near = look_alikes(key, names)
            hint = f' (did you mean "{near[0]}"?)' if near else ""
            faults.append(
                SettingFault(
                    path=f"{path}.{key}", message=f"unknown key{hint}", suggestion=near[0] if near else ""
                )
            )
    return faults


def _wrong(path: str, kind: type[msgspec.Struct], raw: Mapping[str, object]) -> list[SettingFault]:
    faults = []
    for field in msgspec.structs.fields(kind):
        key = field.encode_name
        if key not in raw:
            if field.required:
                faults.append(SettingFault(path=f"{path}.{key}", message="missing, and it has no default"))
            continue
        try:
            msgspec.convert(raw[key], field.type)
        except msgspec.ValidationError as exc:
            faults.append(SettingFault(path=f"{path}.{key}", message=str(exc).replace("`", "")))
    return faults
