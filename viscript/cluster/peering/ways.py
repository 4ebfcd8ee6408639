"""Ways to the gateway of another cluster: addresses, and the mesh by its visor's key.

A way is only a way: whoever answers at its end must prove the cluster's key. What a person gave comes first,
then what the other said of itself, then what the mesh's directory knows of the key.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.pairing.bymesh import Mesh, NoMesh
from viscript.cluster.peering.standing import Peering
from viscript.errors import ViscriptError

log = logging.getLogger(__name__)

PLACE: Final = "clusters"
CONNECT_S: Final = 3.0
SHAKE_NEAR_S: Final = 5.0
SHAKE_FAR_S: Final = 25.0  # a route through the mesh has to be found first
WAYS_MAX: Final = 16
TCP: Final = "tcp://"
VISOR: Final = re.compile(r"[0-9a-f]{64}")

Connected = AbstractAsyncContextManager[socket.socket]  # it does not block
Find = Callable[[PublicKey], Awaitable[list[bytes]]]


class NoWay(ViscriptError):
    """The sentence says why."""


class Way:
    """One of them, and how long it may take to find out who is there."""

    def __init__(self, name: str, connected: Connected, patience_s: float) -> None:
        """`connected` gives a socket, once. Raises `OSError`, `TimeoutError`, `ViscriptError`."""
        self.name = name
        self.connected = connected
        self.patience_s = patience_s


async def nowhere(key: PublicKey) -> list[bytes]:
    """A directory that is not there."""
    return []


class Ways:
    """`mesh` leads, where it is one; `find` gives the visors at which a cluster says that it is."""

    def __init__(self, mesh: Callable[[], Mesh] = NoMesh, find: Find = nowhere) -> None:
        self._mesh = mesh
        self._find = find
        self._numbers = itertools.count(1)

    @property
    def visor(self) -> str:
        """The key by which others are led here, in hexadecimal; empty while nothing leads."""
        return self._mesh().visor.hex()

    async def to(self, one: Peering) -> AsyncGenerator[Way, None]:
        """Each way in turn; the directory is asked when the others led nowhere. Raises `NoWay` at the end."""
        given = [*one.at, *one.told]
        for address in [text for text in dict.fromkeys(given) if text.startswith(TCP)][:WAYS_MAX]:
            yield Way(address, _by_tcp(address), SHAKE_NEAR_S)
        visors = [bytes.fromhex(text) for text in (*one.at, one.visor) if VISOR.fullmatch(text)]
        if not self._mesh().visor:
            if visors or not given:
                raise NoWay("nothing leads over the mesh here: start `reach`, or give an address with --at")
            return
        tried = list(dict.fromkeys(visors))
        for visor in tried:
            yield self._through(visor)
        for visor in (await self._find(one.key))[:WAYS_MAX]:
            if visor not in tried:
                yield self._through(visor)

    def _through(self, visor: bytes) -> Way:
        stem = f"cluster-{next(self._numbers)}"
        return Way(f"the mesh, at {visor.hex()[:16]}", _by_mesh(self._mesh(), visor, stem), SHAKE_FAR_S)


@asynccontextmanager
async def _by_tcp(address: str) -> AsyncIterator[socket.socket]:
    host, _, port = address.removeprefix(TCP).rpartition(":")
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_S):
        found = await loop.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        family, _, _, _, place = found[0]
        sock = await _connected(family, place)
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the question waits 40 ms
        yield sock


@asynccontextmanager
async def _by_mesh(mesh: Mesh, visor: bytes, stem: str) -> AsyncIterator[socket.socket]:
    """What becomes of a connection that led nowhere, the app that leads can say."""
    async with mesh.way(visor, PLACE, stem) as path:
        async with asyncio.timeout(CONNECT_S):
            sock = await _connected(socket.AF_UNIX, path)
        with sock:
            try:
                yield sock
            except (OSError, TimeoutError) as exc:
                if why := await mesh.trouble(path):
                    raise NoWay(why) from exc
                raise


async def _connected(family: int, place: object) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, place)  # type: ignore[arg-type]  # as the family wants
    except BaseException:
        sock.close()
        raise
    return sock
