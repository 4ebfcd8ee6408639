"""mesh keys: what another host has to be told to join."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plugins.mesh.asking import ask
from viscript.plugin import Answer, VerbCall

SERVICES: Final = ("node_manager", "setup_nodes", "messengers")
APPS: Final = "visor node-manager setup-node messenger"


async def keys(call: VerbCall) -> Answer:
    """Settings to copy, then the command that links the other host with this one."""
    found = await ask(call, "mesh_keys")
    return Answer(data=found, text="".join(f"{line}\n" for line in lines(found)))


def lines(found: Mapping[str, Any]) -> list[str]:  # Any: as the visor answers it
    """The text for people. Pure."""
    told = [f"this node is {found['public_key']}"]
    if any(found[kind] for kind in SERVICES):
        told += ["", "in config.yaml of the other host:", "", "plugins:", "  settings:", "    mesh:"]
        told += [f"      {kind}: {_value(kind, found[kind])}" for kind in SERVICES if found[kind]]
    if found["links"]:
        told += ["", "then there, to link with this node:", "", f"viscript tp add {found['links'][0]}"]
    return told + _warned(found)


def _value(kind: str, places: list[str]) -> str:
    return places[0] if kind == "node_manager" else f"[{', '.join(places)}]"


def _warned(found: Mapping[str, Any]) -> list[str]:  # Any: as above
    """What is of no use to another host, and what to do."""
    local = [kind for kind in found["local"] if kind in SERVICES]
    if not local:
        return []
    return [
        "",
        f"only this host reaches {', '.join(local)}: set `plugins.settings.mesh.serve` to an address of this",
        f"host that others reach, then: viscript rs {APPS}",
    ]
