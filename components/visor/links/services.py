"""The registrar that node managers are: each word goes to all of them."""

import uuid
from collections.abc import Sequence
from typing import Protocol

from components.mesh.forms import Status
from components.mesh.transport import SignedEntry


class Services(Protocol):
    """What is asked of `components.mesh.services.Services`."""

    async def register_transports(self, entries: Sequence[SignedEntry]) -> object:
        """Enter or renew transports at one service at least. Raises `MeshError`."""

    async def report(self, statuses: Sequence[Status]) -> object:
        """Say how transports are to one service at least. Raises `MeshError`."""


class AtNodeManagers:
    """A `Registrar`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def register(self, entry: SignedEntry) -> None:
        """A transport both edges signed. Raises `MeshError`."""
        await self._services.register_transports((entry,))

    async def status(self, id: uuid.UUID, up: bool, rtt_us: int = 0) -> None:
        """It went up or down, or its round trip is another. Raises `MeshError`."""
        await self._services.report((Status(t_id=str(id), is_up=up, rtt_us=rtt_us),))
