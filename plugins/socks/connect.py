"""The exit's way out: names looked up, each address judged, and connected to as it was judged."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

import psutil

from components.visor.kit.nearby import at_once
from plugins.socks.destination import Destination
from plugins.socks.policy import Policy
from plugins.socks.request import Code
from plugins.socks.resolver import LookUp, NotConnected, Place

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


def own_addresses() -> list[str]:
    """The addresses of this host, as of a moment ago."""
    return _own(int(time.monotonic() / OWN_S))


@lru_cache(1)
def _own(tick: int) -> list[str]:
    found = psutil.net_if_addrs().values()
    families = (socket.AF_INET, socket.AF_INET6)
    return [one.address.partition("%")[0] for each in found for one in each if one.family in families]


async def places(
    destination: Destination,
    policy: Policy,
    look_up: LookUp,
    own: Own = own_addresses,
    *,
    kind: int = socket.SOCK_STREAM,
) -> list[Place]:
    """The addresses that may be gone to, at least one. Raises `NotConnected`."""
    found = _literal(destination) or await look_up(destination, kind)
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


async def connect(
    destination: Destination, policy: Policy, look_up: LookUp, own: Own = own_addresses
) -> socket.socket:
    """A connected, non-blocking socket. Raises `NotConnected`."""
    last = NotConnected(Code.NO_HOST, f"{destination}: no address")
    try:
        async with asyncio.timeout(ALL_S):
            for place in await places(destination, policy, look_up, own):
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


async def _connected(place: Place) -> socket.socket:
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not at_once(sock, place.address):
            async with asyncio.timeout(ADDRESS_S):
                await asyncio.get_running_loop().sock_connect(sock, place.address)
    except BaseException:
        sock.close()
        raise
    return sock
