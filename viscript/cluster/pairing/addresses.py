"""Under which addresses this host can be reached, as far as it can know itself."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

import psutil

from viscript.cluster.pairing.code import MOST_ADDRESSES

# Documentation networks: asking which of our addresses leads there sends nothing.
_OUTSIDE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_FAMILIES: Final = frozenset({socket.AF_INET, socket.AF_INET6})


def own_addresses() -> list[str]:
    """The addresses to put in a code, the one that leads out first; loopback where there is no other."""
    return chosen(system_addresses(), [_leading_to(family, outside) for family, outside in _OUTSIDE])


def system_addresses() -> list[str]:
    """Every IP address of this host."""
    interfaces = psutil.net_if_addrs().values()
    return [each.address for addresses in interfaces for each in addresses if each.family in _FAMILIES]


def chosen(found: Iterable[str], first: Iterable[str]) -> list[str]:
    """Which of the addresses others may use, in the order they should try them. Pure."""
    usable = [text for text in found if _is_usable(text)]
    leading = [text for text in first if text in usable]
    ordered = list(dict.fromkeys([*leading, *sorted(usable, key=_is_ipv6)]))
    fourth, sixth = _split(ordered)
    if fourth:  # a second IPv6 address makes the code longer and seldom leads where no other does
        ordered = [text for text in ordered if text not in sixth[1:]]
    return ordered[:MOST_ADDRESSES] or ["127.0.0.1"]


def lead_from_anywhere(texts: Iterable[str]) -> bool:
    """Whether one of these leads here from any network: a name, or an address that is not private. Pure."""
    return any(_is_name_or_global(text) for text in texts)


def advertised(told: Iterable[str]) -> list[str]:
    """The hosts of `tcp://HOST:PORT` addresses, each once. Pure."""
    hosts = (address.removeprefix("tcp://").rpartition(":")[0].strip("[]") for address in told)
    return list(dict.fromkeys(hosts))[:MOST_ADDRESSES]


def _split(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The IPv4 and the IPv6 addresses among them."""
    known = list(texts)
    return [text for text in known if not _is_ipv6(text)], [text for text in known if _is_ipv6(text)]


def _is_usable(text: str) -> bool:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return False  # `fe80::1%eth0` means nothing elsewhere
    return not (ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast)


def _is_name_or_global(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return True


def _is_ipv6(text: str) -> bool:
    return ":" in text


def _leading_to(family: socket.AddressFamily, outside: str) -> str:
    """Our address towards the world; empty where there is no way out."""
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((outside, 9))
        except OSError:
            return ""
        return str(asked.getsockname()[0])
