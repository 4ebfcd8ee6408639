"""Where an exit lets programs go. Pure: an address is judged as it is connected to, after it was looked up.

An address inside another one is judged too: v4-mapped and v4-compatible, NAT64 and 6to4 lead to the IPv4
address they hold.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# Nobody's: refused even where private addresses are allowed.
NOWHERE: Final = _networks("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8", "100::/64")
PRIVATE: Final = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "::1/128",
    "64:ff9b:1::/48",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
)
# IPv6 that holds an IPv4 address: the network, and how many bits stand behind that address.
_HOLDERS: Final = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("::/96"), 0),
)
_ONE: Final = ipaddress.IPv6Address("::1")


@dataclass(frozen=True)
class Policy:
    """Of one exit. `keys` are the peers that may use it, empty for all."""

    allow_private: bool = False
    keys: frozenset[bytes] = frozenset()

    def is_welcome(self, peer: bytes) -> bool:
        """Whether a peer may use this exit at all."""
        return not self.keys or peer in self.keys

    def objection(self, host: str, own: Iterable[str] = ()) -> str:
        """Why an address is not connected to; empty if it is. `own` are the exit's addresses."""
        address = ipaddress.ip_address(host.partition("%")[0])
        held = held_by(address)
        for one in (address,) if held is None else (address, held):
            why = self._against(one, frozenset(own))
            if why:
                return f"{host} is {why}"
        return ""

    def _against(self, address: Address, own: frozenset[str]) -> str:
        if _within(address, NOWHERE):
            return "no address of a host"
        if self.allow_private:
            return ""
        if _within(address, PRIVATE):
            return "private"
        return "the exit's own" if str(address) in own else ""


def held_by(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if address.version == 4 or address == _ONE:
        return None
    for network, behind in _HOLDERS:
        if address in network:
            return ipaddress.IPv4Address(int(address) >> behind & 0xFFFFFFFF)
    return None


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
