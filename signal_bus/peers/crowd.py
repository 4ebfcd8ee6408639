"""How many connections may stand at a door that have proved no key yet: of one address, and of all. Pure.

libzmq accepts whoever comes, and each costs a descriptor and some kilobytes until its handshake is over, or
its time is. Who came is told here by the connection's number; who proved a key is known by the address only,
so one of that address counts as known from then on, whichever it is. A connection that is older than a
handshake may last is known as well: were it not, it would be gone.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from typing import Final

OF_ONE_MAX: Final = 128  # connections of one address; of IPv6, of the 64 bits that one host may choose below
ALL_MAX: Final = 2048
_SHOWN: Final = 64


class Crowd:
    """`lasts_s`: how long a handshake may take."""

    def __init__(self, lasts_s: float) -> None:
        self.turned_away = 0
        self._lasts_s = lasts_s
        self._since: OrderedDict[int, tuple[str, float]] = OrderedDict()  # by the connection's number
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._since)

    def came(self, number: int, address: str, now: float) -> bool:
        """Whether this one may stay; one that may not is to be ended, and not told of again."""
        self._expire(now)
        self.left(number)  # the number is used again: whoever had it is gone
        group = group_of(address)
        if self._of[group] >= OF_ONE_MAX or len(self._since) >= ALL_MAX:
            self.turned_away += 1
            return False
        self._since[number] = (group, now)
        self._of[group] += 1
        return True

    def proved(self, address: str) -> None:
        """One of this address has proved a key that is let in."""
        group = group_of(address)
        for number, (of, _) in self._since.items():
            if of == group:
                self.left(number)
                return

    def left(self, number: int) -> None:
        """A connection is over."""
        gone = self._since.pop(number, None)
        if gone is not None:
            self._less(gone[0])

    def _expire(self, now: float) -> None:
        while self._since:
            number, (_, since) = next(iter(self._since.items()))
            if now - since <= self._lasts_s:
                return
            self.left(number)

    def _less(self, group: str) -> None:
        self._of[group] -= 1
        if not self._of[group]:
            del self._of[group]


def group_of(address: str) -> str:
    """What of an address is one host's: all of it, or the network of an IPv6 address."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_SHOWN]
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)
