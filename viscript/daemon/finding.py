"""The mesh's directory in one daemon: an app of this home that offers it, asked where other clusters are.

The app is known by the kind of its service on the bus, `mesh-directory`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from viscript.daemon.world import World
from viscript.errors import ViscriptError
from viscript.events import Event, EventLog

if TYPE_CHECKING:
    from signal_bus.identity import Identity
    from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

DIRECTORY: Final = "mesh-directory"
ASK_S: Final = 10.0
PORT: Final = 50  # of the app that leads; what is published there is for people only
RENEW_S: Final = 100.0
AGAIN_S: Final = 10.0


class Finding:
    """Hears of the app from the beginning."""

    def __init__(
        self, world: World, events: EventLog, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._world = world
        self._clock = clock
        self._seq: int | None = None
        self._said: tuple[int, bytes] | None = None  # to whom, and of which visor
        self._due = 0.0
        self.close: Callable[[], None] = events.listen(self._hear)

    async def find(self, key: PublicKey) -> list[bytes]:
        """The visors at which a cluster is. Raises `NoWay`."""
        from viscript.cluster.peering.finding import name_of, proved
        from viscript.cluster.peering.ways import NoWay

        if self._seq is None:
            raise NoWay("no visor of this home knows a directory")
        try:
            rows = await self._world.supervisor.call(self._seq, "lookup", {"name": name_of(key)}, ASK_S)
        except ViscriptError as exc:
            raise NoWay(f"the directory of the mesh does not answer: {exc}") from exc
        return proved(key, rows, time.time())

    async def publish(self, cluster: Identity, visor: bytes) -> None:
        """Have this cluster found at that visor, for as long as this is called again and again."""
        if not visor or self._seq is None or (self._said == (self._seq, visor) and self._clock() < self._due):
            return
        from viscript.cluster.peering.finding import LEASE_S, name_of, signed

        params = {
            "name": name_of(cluster.public_key),
            "port": PORT,
            "info": signed(cluster, visor, time.time()),
            "lease_s": LEASE_S,
        }
        self._said = self._seq, visor
        try:
            await self._world.supervisor.call(self._seq, "publish", params, ASK_S)
        except ViscriptError as exc:
            log.info("this cluster is not in the directory of the mesh: %s", exc)
            self._due = self._clock() + AGAIN_S
        else:
            self._due = self._clock() + RENEW_S

    def _hear(self, event: Event) -> None:
        if event.type not in ("service.offered", "service.withdrawn") or event.data["type"] != DIRECTORY:
            return
        if event.type == "service.offered":
            self._seq = event.data["seq"]
        elif self._seq == event.data["seq"]:
            self._seq = None
