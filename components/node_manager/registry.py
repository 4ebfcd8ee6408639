"""Which services there are: until they are withdrawn, expire, or their program ends. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

DEFAULT_TTL_S: Final = 300.0
MAX_TTL_S: Final = 86_400.0
MAX_SERVICES: Final = 10_000
MAX_TEXT: Final = 255


class RegistryError(Exception):
    """Root of what is wrong with a use of the registry."""


class BadOfferError(RegistryError):
    """The caller offers what cannot be a service."""


class FullError(RegistryError):
    """There are as many services as the registry keeps."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One service as it is told."""

    name: str
    type: str
    address: str
    expires_seconds: float | None = None  # None: until its program ends
    id: int | None = None  # of the app that offers it, where that is known


class _Entry(msgspec.Struct, frozen=True):
    name: str
    type: str
    address: str
    ends: float
    seq: int | None


class Registry:
    """All services, oldest first. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def offer(
        self, name: str, type: str, address: str, *, ttl_s: float | None, seq: int | None, now: float
    ) -> Service:
        """Enter a service, or refresh it; without a time it lasts as long as the program `seq`.

        Raises `BadOfferError` or `FullError`.
        """
        for word, text in (("name", name), ("type", type), ("address", address)):
            if not text or len(text) > MAX_TEXT or not text.isprintable():
                raise BadOfferError(f"{word} must have 1 to {MAX_TEXT} printable characters")
        if ttl_s is not None and not 0 < ttl_s <= MAX_TTL_S:
            raise BadOfferError(f"ttl must be more than 0 and at most {MAX_TTL_S:g} seconds")
        self.expire(now)
        if (name, type) not in self._entries and len(self._entries) >= MAX_SERVICES:
            raise FullError(f"there are {MAX_SERVICES} services already")
        lasts_s = ttl_s or (math.inf if seq is not None else DEFAULT_TTL_S)
        entry = self._entries[name, type] = _Entry(name, type, address, now + lasts_s, seq)
        return _told(entry, now)

    def withdraw(self, name: str, type: str = "") -> int:
        """Take a service back, of every type when none is given; how many there were."""
        keys = [key for key in self._entries if key[0] == name and type in ("", key[1])]
        return self._drop(keys)

    def find(self, name: str = "", type: str = "", *, now: float) -> list[Service]:
        """The live services that match; an empty word matches all."""
        self.expire(now)
        return [
            _told(entry, now)
            for entry in self._entries.values()
            if name in ("", entry.name) and type in ("", entry.type)
        ]

    def ended(self, seq: int) -> int:
        """The program with that id ended: its services are gone; how many there were."""
        return self._drop([key for key, entry in self._entries.items() if entry.seq == seq])

    def expire(self, now: float) -> int:
        """Drop what was not refreshed in time; how many there were."""
        return self._drop([key for key, entry in self._entries.items() if entry.ends <= now])

    def _drop(self, keys: Iterable[tuple[str, str]]) -> int:
        return sum(self._entries.pop(key, None) is not None for key in keys)


def _told(entry: _Entry, now: float) -> Service:
    expires = None if entry.ends == math.inf else round(max(0.0, entry.ends - now), 3)
    return Service(
        name=entry.name, type=entry.type, address=entry.address, expires_seconds=expires, id=entry.seq
    )
