"""How an engine is reached: files for TLS, and who we are. Imports nothing of any engine."""

from __future__ import annotations

import msgspec


class Access(msgspec.Struct, frozen=True):
    """Absolute paths, and a password as it is sent; empty where there is none."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    tls: bool = False
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Access(tls={self.tls}, user={self.user!r})"
