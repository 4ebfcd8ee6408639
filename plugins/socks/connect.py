"""The exit's way out: names looked up, each address judged, and connected to as it was judged."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

import psutil

from plugins.socks.destination import Destination
from plugins.socks.policy import Policy
from plugins.socks.request import Code

LOOKUP_S: Final = 5.0
ADDRESS_S: Final = 5.0  # for one address of several
ALL_S: Final = 15.0
OWN_S: Final = 2.0  # so long the addresses of this host are taken as known: to ask is dear
_CODES: Final = {
    errno.ECONNREFUSED: Code.REFUSED,
    errno.ENETUNREACH: Code.NO_NETWORK,
    errno.EHOSTUNREACH: Code.NO_HOST,
    errno.ETIMEDOUT: Code.TOO_LATE,
}

Own = Callable[[], Iterable[str]]


class NotConnected(Exception):
    """There is no way to the destination; `code` is told to the program."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


class Place(NamedTuple):
    """One address of a destination, as `socket.connect` takes it."""

    family: int
    address: tuple[str, int]


def own_addresses() -> list[str]:
    """The addresses of this host, as of a moment ago."""
    return _own(int(time.monotonic() / OWN_S))


@lru_cache(1)
def _own(tick: int) -> list[str]:
    found = psutil.net_if_addrs().values()
    families = (socket.AF_INET, socket.AF_INET6)
    return [one.address.partition("%")[0] for each in found for one in each if one.family in families]


async def places(
    destination: Destination, policy: Policy, own: Own = own_addresses, *, kind: int = socket.SOCK_STREAM
) -> list[Place]:
    """The addresses that may be gone to, at least one. Raises `NotConnected`."""
    found = _literal(destination) or await _lookup(destination, kind)
    mine = frozenset[str]() if policy.allow_private else frozenset(own())
    allowed, objection = list[Place](), ""
    for place in found:
        why = policy.objection(place.address[0], mine)
        if not why:
            allowed.append(place)
        objection = objection or why
    if not allowed:
        raise NotConnected(Code.NOT_ALLOWED, f"{destination}: {objection}")
    return allowed


async def connect(destination: Destination, policy: Policy, own: Own = own_addresses) -> socket.socket:
    """A connected, non-blocking socket. Raises `NotConnected`."""
    last = NotConnected(Code.NO_HOST, f"{destination}: no address")
    try:
        async with asyncio.timeout(ALL_S):
            for place in await places(destination, policy, own):
                try:
                    return await _connected(place)
                except OSError as exc:
                    last = NotConnected(code_of(exc), f"{destination}: {exc.strerror or exc}")
    except TimeoutError as exc:
        raise NotConnected(Code.TOO_LATE, f"{destination}: no answer within {ALL_S:g} s") from exc
    raise last


def code_of(exc: OSError) -> Code:
    """The number of SOCKS for a failure."""
    if isinstance(exc, TimeoutError):
        return Code.TOO_LATE
    return _CODES.get(exc.errno or 0, Code.FAILED)


def _literal(destination: Destination) -> list[Place]:
    """The one place of an address that is written out; nothing for a name."""
    try:
        address = ipaddress.ip_address(destination.host)
    except ValueError:
        return []
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return [Place(family, (destination.host, destination.port))]


async def _lookup(destination: Destination, kind: int) -> list[Place]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_S):
            found = await loop.getaddrinfo(destination.host, destination.port, type=kind)
    except TimeoutError as exc:
        raise NotConnected(Code.TOO_LATE, f"{destination}: no answer from the resolver") from exc
    except (OSError, UnicodeError) as exc:  # a name with an empty label is no Unicode's fault
        raise NotConnected(Code.NO_HOST, f"{destination}: the name is not known") from exc
    return [Place(family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found]


async def _connected(place: Place) -> socket.socket:
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(ADDRESS_S):
            await asyncio.get_running_loop().sock_connect(sock, place.address)
    except BaseException:
        sock.close()
        raise
    return sock
