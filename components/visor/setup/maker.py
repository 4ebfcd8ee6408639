"""Routes for groups: a path and a name become a request to the setup nodes, the answer our own leg."""

from collections.abc import Sequence

from components.mesh.setup import Hop
from components.visor.groups import path
from components.visor.groups.upkeep import Install, Order
from components.visor.setup.agent import Transports
from components.visor.setup.client import Creator, Granted, Wanted, own_plan


class Maker:
    """Has routes set up by a `Creator`; a `RouteMaker`."""

    def __init__(self, creator: Creator, transports: Transports) -> None:
        self._creator = creator
        self._transports = transports

    async def create(self, order: Order, install: Install) -> int:
        """Set up all hops, our own by `install`; the route's number.

        Raises `RouteFailed` or `CallerError`, and whatever but `InstallError` comes out of `install`.
        """

        def put(granted: Granted) -> None:
            install(granted.number, own_plan(granted, self._transports))

        wanted = Wanted(
            group=order.group, cipher=order.cipher, hops=hops(order.path.hops), number=order.number
        )
        return (await self._creator.create(wanted, put)).number


def hops(found: Sequence[path.Hop]) -> tuple[Hop, ...]:
    """The hops of a path as they are asked for."""
    return tuple(Hop(hop.transport.bytes, hop.source, hop.target) for hop in found)
