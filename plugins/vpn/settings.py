"""`plugins.settings.vpn`: what every instance of the two apps starts with."""

from __future__ import annotations

from typing import Annotated

import msgspec

Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z._-]*$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out has a default."""

    peer: Key = ""  # the exit of vpn-client
    allow: tuple[Key, ...] = ()  # who may use vpn-server; left out: everybody in the mesh
    allow_private: bool = False  # packets may leave vpn-server for private addresses too
