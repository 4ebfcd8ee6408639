"""A session with a node by its key: at the addresses its entry tells, else through a relay.

Addresses are tried in turn, a short while each, so that one behind a firewall leaves time for the others and
for the relay. Where an address answers with another key the handshake fails, and the next one is tried.
"""

import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from components.mesh.errors import MeshError, Refused, Unreachable
from components.mesh.session import HANDSHAKE_S, Session, dial, dial_over
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

ADDRESS_S: Final = 1.5  # for one address, where there is another way left
MAX_ADDRESSES: Final = 4

Address = tuple[str, int]
# The addresses of a node, best first; raises `MeshError` where they cannot be had.
Lookup = Callable[[PublicKey], Awaitable[Sequence[Address]]]
# A connected socket to a node through a relay; raises `MeshError`.
Relay = Callable[[PublicKey], Awaitable[socket.socket]]


class Reach:
    """Opens sessions for one mesh port. A `Dial` of a pool."""

    def __init__(self, identity: Identity, port: int, lookup: Lookup, relay: Relay | None = None) -> None:
        self._identity = identity
        self._port = port
        self._lookup = lookup
        self._relay = relay

    async def __call__(self, peer: PublicKey) -> Session:
        """A session with `peer`. Raises `Refused`, `Unreachable` and what `session.dial` raises."""
        addresses, last = await self._found(peer)
        for number, address in enumerate(addresses, start=1):
            only = number == len(addresses) and self._relay is None
            try:
                return await dial(
                    address, self._identity, peer, self._port, deadline_s=HANDSHAKE_S if only else ADDRESS_S
                )
            except Refused:
                raise  # it is the node itself, and no other way changes its mind
            except MeshError as exc:
                log.info("a node is not at an address key=%s at=%s: %s", peer.hex(), address, exc)
                last = exc
        if self._relay is not None:
            return await self._relayed(peer, self._relay, last)
        raise _unreachable(peer, last) from last

    async def _relayed(self, peer: PublicKey, relay: Relay, last: MeshError | None) -> Session:
        try:
            sock = await relay(peer)
        except MeshError as exc:
            if last is None or str(last) == str(exc):
                raise
            raise Unreachable(peer.hex(), f"{last}; by relay: {exc}") from exc
        return await dial_over(sock, self._identity, peer, self._port)

    async def _found(self, peer: PublicKey) -> tuple[Sequence[Address], MeshError | None]:
        try:
            return (await self._lookup(peer))[:MAX_ADDRESSES], None
        except MeshError as exc:
            return (), exc


def parse_address(text: str) -> Address:
    """Host and port. Raises `ValueError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or not 0 <= int(port) <= 65535:
        raise ValueError(f"{text!r} is no address: host:port, e.g. 127.0.0.1:7777")
    return host.strip("[]"), int(port)


def _unreachable(peer: PublicKey, last: MeshError | None) -> MeshError:
    why = "it has no known address" if last is None else str(last)
    return Unreachable(peer.hex(), why)
