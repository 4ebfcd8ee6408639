"""`plugins.settings.terminal`: what every instance of the app starts with."""

from __future__ import annotations

from typing import Annotated

import msgspec

Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]+$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out has a default."""

    allow: tuple[Key, ...] = ()  # who else gets a shell here; left out: only this node itself
    files: bool = True  # files may be copied by SFTP too
