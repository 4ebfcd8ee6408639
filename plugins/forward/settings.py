"""`plugins.settings.forward`: rules that stand in the configuration."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out has a default."""

    rules: tuple[str, ...] = ()  # each as its verb is written: "fwd 8080 mike:80", "offer 80 --to mike"
