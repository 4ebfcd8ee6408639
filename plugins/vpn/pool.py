"""Addresses of an exit's clients. Pure.

A key draws its number by itself, so that it has the same addresses after a restart of the exit as well,
unless another key drew the same one before.
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Network, IPv6Network
from typing import Final

FIRST: Final = 2  # 1 is the exit's own
USUAL4: Final = IPv4Network("10.44.0.0/24")
USUAL6: Final = IPv6Network("fd76:6973:6372::/64")
SMALLEST: Final = 30  # bits of the IPv4 network


class PoolFull(Exception):
    """All addresses are in use."""


class Pool:
    """The numbers in use, by key."""

    def __init__(self, ipv4: IPv4Network = USUAL4, ipv6: IPv6Network | None = USUAL6) -> None:
        self._ipv4, self._ipv6 = ipv4, ipv6
        self._size = ipv4.num_addresses - 1 - FIRST  # the last one is for all
        self._numbers: dict[bytes, int] = {}

    def take(self, key: bytes) -> int:
        """A number for a key, the same as long as it has one. Raises `PoolFull`."""
        if key in self._numbers:
            return self._numbers[key]
        if len(self._numbers) >= self._size:
            raise PoolFull(f"all {self._size} addresses of {self._ipv4} are in use")
        taken = set(self._numbers.values())
        drawn = int.from_bytes(hashlib.sha256(key).digest()[:8], "big") % self._size
        number = next(
            FIRST + (drawn + step) % self._size
            for step in range(self._size)
            if FIRST + (drawn + step) % self._size not in taken
        )
        self._numbers[key] = number
        return number

    def give_back(self, key: bytes) -> None:
        """The key needs its number no more."""
        self._numbers.pop(key, None)

    def addresses(self, number: int) -> tuple[str, str]:
        """IPv4 and IPv6 address of a number; 1 is the exit. No IPv6: empty."""
        return str(self._ipv4[number]), "" if self._ipv6 is None else str(self._ipv6[number])
