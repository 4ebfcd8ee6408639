"""The ways to a node, one for each type of transport: where it may be, and a connected socket to there."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final, Protocol

from components.mesh import keys
from components.mesh.errors import MeshError, TimedOut, Unreachable, WireError
from components.mesh.session import connect
from components.visor.links.api import Directory, Relay
from components.visor.links.limits import LOOK_UP_S, RELAY_S
from components.visor.links.target import parse_address
from signal_bus.ids import PublicKey

MESSENGER: Final = "by a messenger"


class Way(Protocol):
    """How one type of transport gets to a node."""

    async def places(self, peer: PublicKey, address: str | None) -> Sequence[str]:
        """Where the node may be, the best first; `address` is what the user said. Raises `MeshError`."""

    async def connect(self, peer: PublicKey, place: str) -> socket.socket:
        """A connected socket to one of them. Raises `MeshError`."""


class Direct:
    """By TCP to an address of the node."""

    def __init__(self, directory: Directory | None) -> None:
        self._directory = directory

    async def places(self, peer: PublicKey, address: str | None) -> Sequence[str]:
        """The address that was given, or those of the node's entry."""
        if address is not None:
            return (address,)
        entry = None
        if self._directory is not None:
            try:
                async with asyncio.timeout(LOOK_UP_S):
                    entry = await self._directory.entry(peer)
            except MeshError:
                raise
            except TimeoutError as exc:
                raise TimedOut("the look-up of its addresses", LOOK_UP_S) from exc
        if entry is not None and entry.static != keys.hex66(peer):
            raise WireError(f"the directory answered with the entry of {entry.static}")
        if entry is None or not entry.addresses:
            raise Unreachable(peer.hex(), "no address of it is known; say one, as in KEY@HOST:PORT")
        return entry.addresses

    async def connect(self, peer: PublicKey, place: str) -> socket.socket:
        """A TCP connection."""
        del peer
        return await connect(parse_address(place))


class ByMessenger:
    """By a connection that a messenger relays."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def places(self, peer: PublicKey, address: str | None) -> Sequence[str]:
        """One place: the relay knows the messengers."""
        del peer, address
        return (MESSENGER,)

    async def connect(self, peer: PublicKey, place: str) -> socket.socket:
        """What the relay connects to the node."""
        try:
            async with asyncio.timeout(RELAY_S):
                return await self._relay.dial(peer)
        except MeshError:
            raise
        except TimeoutError as exc:
            raise TimedOut(f"a connection {place}", RELAY_S) from exc
