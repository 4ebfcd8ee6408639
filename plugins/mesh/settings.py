"""`plugins.settings.mesh`: where this host's part of the mesh finds others, and what it lets others find."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

LOOPBACK: Final = "127.0.0.1"
LINKS: Final = "0.0.0.0:7777"

Place = Annotated[str, msgspec.Meta(pattern=r"^.+:[0-9]{1,5}$")]  # host:port
Keyed = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z]+(@.+:[0-9]{1,5})?$")]  # KEY, KEY@host:port
Server = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z]+@.+:[0-9]{1,5}$")]  # KEY@host:port


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out has a default that is right for a host alone."""

    node_manager: str = ""  # host:port or URL of one elsewhere; this host then runs none
    setup_nodes: tuple[Keyed, ...] = ()  # who may set up routes; left out: those of this host
    messengers: tuple[Server, ...] = ()  # who reaches nodes behind NAT; left out: those of this host
    listen: Place = LINKS  # where links are taken
    advertise: tuple[Place, ...] = ()  # where others reach this node, if not at an address of this host
    alias: Annotated[str, msgspec.Meta(max_length=64)] = ""  # what it calls itself; for eyes only
    setup: Literal["node", "direct"] = "node"  # direct: orders routes itself, known to every hop
    alone: bool = False  # only the visor, without services: links to neighbours, nothing beyond
    serve: str = LOOPBACK  # the address of this host where its own services listen for others
