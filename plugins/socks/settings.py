"""`plugins.settings.socks`: what every instance of the two apps starts with."""

from __future__ import annotations

from typing import Annotated

import msgspec

Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]+$")]
Peer = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$")
]  # a key, its first digits, a label


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out has a default."""

    peers: tuple[Peer, ...] = ()  # the exits of socks-client, the best first
    allow: tuple[Key, ...] = ()  # who may use socks-server; left out: everybody in the mesh
    allow_private: bool = False  # socks-server goes to private addresses too
