"""Node entries from the node managers that offer themselves on the bus of the home.

They are looked up for each entry anew, as one may come, go or move while a setup node runs. The clients are
kept, so that a look-up costs no new connection.
"""

from __future__ import annotations

from collections import OrderedDict
from types import TracebackType
from typing import Final, Protocol, Self

from components.mesh import offers
from components.mesh.entry import NodeEntry
from components.mesh.errors import Unreachable
from components.mesh.services import MOST_SERVICES, Services
from components.node_manager.setup.whereabouts import nobody
from signal_bus.errors import BusError
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from signal_bus.messages import Service

DIRECTORY_S: Final = 2.0  # for one directory; a hop has 4 s in all
MOST_KEPT: Final = 8  # the one that falls out was last used seven moves ago: nothing waits for it

Urls = tuple[str, ...]


class Finds(Protocol):
    """The part of a bus client that is used here."""

    async def find(self, name: str = "", *, kind: str = "") -> tuple[Service, ...]:
        """Who offers this."""


class Directory:
    """The entries those on the bus tell. Use as `async with Directory(...)`."""

    def __init__(self, identity: Identity, bus: Finds) -> None:
        self._identity = identity
        self._bus = bus
        self._kept: OrderedDict[Urls, Services] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._keep_at_most(0)

    async def entry(self, key: PublicKey) -> NodeEntry:
        """The checked entry of a node. Raises `MeshError`."""
        urls = await self._urls()
        if not urls:
            return await nobody(key)
        return await (await self._services(urls)).node(key)

    async def _urls(self) -> Urls:
        try:
            found = await self._bus.find(kind=offers.NODE_MANAGER)
        except BusError as exc:
            raise Unreachable("node managers on the bus", str(exc)) from exc
        return tuple(sorted({one.address for one in found if offers.is_url(one.address)}))[:MOST_SERVICES]

    async def _services(self, urls: Urls) -> Services:
        if urls not in self._kept:
            self._kept[urls] = await Services(self._identity, urls, timeout_s=DIRECTORY_S).__aenter__()
        self._kept.move_to_end(urls)
        services = self._kept[urls]
        await self._keep_at_most(MOST_KEPT)
        return services

    async def _keep_at_most(self, count: int) -> None:
        while len(self._kept) > count:
            _, oldest = self._kept.popitem(last=False)
            await oldest.__aexit__(None, None, None)
