"""Ways to the gateway of another cluster: addresses, and the mesh by its visor's key.

A way is only a way: whoever answers at its end must prove the cluster's key. What a person gave comes first,
then what the other said of itself, then what the mesh's directory knows of the key.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from typing import Final, Protocol

from signal_bus.ids import PublicKey
from viscript.cluster.peering.standing import Peering
from viscript.errors import ViscriptError

log = logging.getLogger(__name__)

CONNECT_S: Final = 3.0
SHAKE_NEAR_S: Final = 5.0
SHAKE_FAR_S: Final = 20.0  # a route through the mesh has to be found first
WAYS_MAX: Final = 16
TCP: Final = "tcp://"


class NoWay(ViscriptError):
    """The sentence says why."""


class Mesh(Protocol):
    """What the daemon offers where this home has a visor."""

    @property
    def visor(self) -> str:
        """Its key in hexadecimal; empty while there is none."""

    async def find(self, key: PublicKey) -> list[str]:
        """The visors at which a cluster says, by its signature, that it is. Raises `NoWay`."""

    async def lead(self, key: PublicKey, visor: str) -> str:
        """A unix socket that leads to the gateway there. Raises `NoWay`."""


class Way:
    """One of them: where it leads to, and how long it may take to find out who is there."""

    def __init__(self, name: str, address: tuple[str, int] | str, patience_s: float) -> None:
        self.name = name
        self.patience_s = patience_s
        self._address = address

    async def connect(self) -> socket.socket:
        """A connected, non-blocking socket. Raises `OSError`, `TimeoutError`."""
        async with asyncio.timeout(CONNECT_S):
            if isinstance(self._address, str):
                return await _connected(socket.AF_UNIX, self._address)
            host, port = self._address
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, _, _, _, place = found[0]
            return await _connected(family, place)


class Ways:
    """`mesh` is set while there is one."""

    def __init__(self) -> None:
        self.mesh: Mesh | None = None

    async def to(self, one: Peering) -> AsyncGenerator[Way]:
        """Each way in turn; those over the mesh are looked for when the others led nowhere.

        Raises `NoWay` at the end for what the mesh says, when there was no other.
        """
        given = [*one.at, *one.told]
        for address in [text for text in dict.fromkeys(given) if text.startswith(TCP)][:WAYS_MAX]:
            host, _, port = address.removeprefix(TCP).rpartition(":")
            yield Way(address, (host.strip("[]"), int(port)), SHAKE_NEAR_S)
        tried: set[str] = set()
        for visor in [text for text in (*one.at, one.visor) if text and not text.startswith(TCP)]:
            tried.add(visor)
            yield await self._through(one.key, visor)
        if self.mesh is None:
            if not given:
                raise NoWay("this host has no visor and no address of it: start `reach`, or give --at")
            return
        for visor in (await self.mesh.find(one.key))[:WAYS_MAX]:
            if visor not in tried:
                yield await self._through(one.key, visor)

    async def _through(self, key: PublicKey, visor: str) -> Way:
        if self.mesh is None:
            raise NoWay("this host has no visor by now: start `reach`")
        return Way(f"the mesh, at {visor[:16]}", await self.mesh.lead(key, visor), SHAKE_FAR_S)


async def _connected(family: int, place: object) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, place)  # type: ignore[arg-type]  # as the family wants
    except BaseException:
        sock.close()
        raise
    return sock
