"""`plugins.settings.skychat`: what every instance of the chat starts with."""

from __future__ import annotations

from typing import Annotated

import msgspec

Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]+$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out has a default."""

    allow: tuple[Key, ...] = ()  # who may write to us; left out: everybody in the mesh
    tell_reading: bool = True  # senders hear when what they wrote was read
