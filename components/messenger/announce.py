"""Tells the node managers where this messenger is, and that it still is there."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from components.mesh import keys
from components.mesh.entry import LEASE_S, VERSION, NodeEntry, Server
from components.mesh.errors import MeshError
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

RENEW_S: Final = LEASE_S / 3
AGAIN_S: Final = (0.25, 10.0)  # doubling: a node manager that is started with us is there at once
LEAVE_S: Final = 3.0


class Directory(Protocol):
    """What is told of us: `services.Services`."""

    async def register_node(self, entry: NodeEntry) -> int:
        """Enter or renew our entry. Raises `MeshError`."""

    async def remove_node(self) -> int:
        """Take it back. Raises `MeshError`."""


def entry(key: PublicKey, address: str, room: int) -> NodeEntry:
    """What is told of a messenger; number, time and signature are set when it is sent."""
    server = Server(address=address, available_connections=room)
    return NodeEntry(version=VERSION, sequence=0, timestamp=0, static=keys.hex66(key), server=server)


async def announce(directory: Directory, told: Callable[[], NodeEntry]) -> None:
    """Keep the entry at all node managers fresh until this is cancelled; take it back then."""
    again_s, longest_s = AGAIN_S
    try:
        while True:
            try:
                await directory.register_node(told())
            except MeshError as exc:
                log.warning("no node manager took our entry: %s", exc)
                rest_s, again_s = again_s, min(2 * again_s, longest_s)
            else:
                rest_s, again_s = RENEW_S, AGAIN_S[0]
            await asyncio.sleep(rest_s)
    finally:
        with suppress(MeshError, TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await directory.remove_node()
