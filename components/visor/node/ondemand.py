"""A link that is made because an app wants a stream to a peer to which there is no path."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Sequence
from typing import Protocol

from components.mesh.errors import MeshError
from components.mesh.transport import Label
from components.mesh.transport import TransportType as Type
from components.visor.groups.path import Path, Policy
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)


class Links(Protocol):
    """The transports of the node."""

    async def add(
        self,
        peer: PublicKey,
        address: str | None = None,
        type: Type | None = None,
        *,
        persistent: bool = True,
        label: Label = Label.USER,
    ) -> uuid.UUID:
        """Want one. Raises `MeshError`."""

    async def remove(self, id: uuid.UUID) -> None:
        """Want it no more. Raises `MeshError`."""

    def by_peer(self, peer: PublicKey) -> Sequence[object]:
        """Those to a peer that are up."""


class Ways(Protocol):
    """Who knows paths."""

    async def paths(self, peer: PublicKey, policy: Policy, count: int) -> Sequence[Path]:
        """Some, the best first. Raises `MeshError`."""


class OnDemand:
    """Of one node. A link that comes up stays as long as the visor; one that does not is forgotten."""

    def __init__(self, links: Links, ways: Ways) -> None:
        self._links = links
        self._ways = ways

    async def link(self, peer: PublicKey) -> None:
        """Have a link to this peer, at an address of it or by a messenger, unless a path leads there."""
        if self._links.by_peer(peer) or await self._is_path(peer):
            return
        try:
            made = await self._links.add(peer, persistent=False, label=Label.AUTOMATIC)
        except MeshError as exc:
            log.info("no link to peer=%s for an app: %s", peer.hex(), exc)
            return
        if not self._links.by_peer(peer):
            with contextlib.suppress(MeshError):  # it has gone by itself
                await self._links.remove(made)

    async def _is_path(self, peer: PublicKey) -> bool:
        try:
            return bool(await self._ways.paths(peer, Policy(), 1))
        except MeshError:
            return False
