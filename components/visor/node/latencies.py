"""How far apart the ends of transports are: our own links know it, of others the node managers tell it.

What the copy of all transports does not tell is asked for, a few at a time and within a second; what came of
that is remembered for a while, so that a node manager that is away does not slow every answer down.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from typing import Final

from components.mesh.errors import MeshError
from components.mesh.forms import Told
from components.visor.groups.path import Path
from components.visor.node.node import Node

ASKED_S: Final = 1.0
ASKED_AT_ONCE: Final = 16
KEPT_S: Final = 15.0
KEPT_MOST: Final = 1024


class Latencies:
    """Answers for one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._asked: dict[uuid.UUID, tuple[float, float | None]] = {}  # when, and what came of it

    async def of(self, *paths: Path) -> list[list[float | None]]:
        """For each path the round trips of its hops in seconds; None where nobody knows."""
        known = self._known()
        wanted = {hop.transport for path in paths for hop in path.hops} - known.keys()
        known |= await self._ask(wanted)
        return [[known.get(hop.transport) for hop in path.hops] for path in paths]

    def _known(self) -> dict[uuid.UUID, float | None]:
        """What our links measured, and what the copy of all transports has."""
        atlas = self._node.network.atlas
        copied = () if atlas is None else atlas.transports
        told = {uuid.UUID(one.entry.t_id): rtt_s for one in copied if (rtt_s := told_rtt_s(one))}
        own = {uuid.UUID(row.id): row.rtt_seconds for row in self._node.links.rows() if row.rtt_seconds}
        return {**told, **own}

    async def _ask(self, wanted: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, float | None]:
        now = self._node.router.loop.time()
        fresh = {id: rtt_s for id, (at, rtt_s) in self._asked.items() if now - at < KEPT_S}
        unknown = [id for id in wanted if id not in fresh][:ASKED_AT_ONCE]
        if unknown and self._node.network.services is not None:
            found = await asyncio.gather(*map(self._one, unknown))
            fresh |= dict(zip(unknown, found, strict=True))
            if len(self._asked) + len(unknown) > KEPT_MOST:
                self._asked.clear()
            self._asked |= {id: (now, fresh[id]) for id in unknown}
        return fresh

    async def _one(self, id: uuid.UUID) -> float | None:
        services = self._node.network.services
        assert services is not None  # asked for before
        try:
            async with asyncio.timeout(ASKED_S):
                return told_rtt_s(await services.transport(str(id)))
        except (MeshError, TimeoutError):
            return None


def told_rtt_s(told: Told) -> float | None:
    """What the two ends say; the longer one where both do."""
    rtt_us = max(status.rtt_us for status in told.statuses)
    return rtt_us / 1e6 if rtt_us else None
