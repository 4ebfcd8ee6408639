import itertools
import uuid

import pytest

from components.mesh.aead import Cipher
from components.mesh.builder import RouteFailed
from components.visor.groups.path import Hop, Path
from components.visor.groups.upkeep import Order, RouteMaker
from components.visor.plane.table import Plan
from components.visor.setup.maker import Maker
from signal_bus.ids import PublicKey
from tests.support.setups import GROUP, World, identity, world

SETUP = identity(20)


def order(made: World) -> Order:
    found = tuple(
        Hop(uuid.UUID(bytes=hop.transport), PublicKey(hop.source), PublicKey(hop.target))
        for hop in made.hops()
    )
    number = itertools.count(1).__next__
    peer = made.visors[-1].key
    return Order(peer=peer, group=GROUP, cipher=Cipher.AES, path=Path(found, cost=10), number=number)


async def test_a_path_becomes_a_route_whose_own_leg_is_handed_over() -> None:
    async with world(3, {SETUP.public_key}) as made:
        await made.setup_node(SETUP)
        installed: list[tuple[int, Plan]] = []
        maker: RouteMaker = Maker(await made.client(SETUP.public_key), made.visors[0])
        number = await maker.create(order(made), lambda *what: installed.append(what))
        ((told, plan),) = installed
        assert told == number == made.visors[2].ends[0][0].number
        assert plan.legs[0].link == next(iter(made.visors[0].links.values())).number


async def test_our_own_link_that_is_down_by_then_is_the_failure() -> None:
    async with world(2, {SETUP.public_key}) as made:
        await made.setup_node(SETUP)
        made.visors[0].links.clear()
        maker = Maker(await made.client(SETUP.public_key), made.visors[0])
        with pytest.raises(RouteFailed, match="is not up here") as caught:
            await maker.create(order(made), lambda *_: None)
        assert caught.value.failure.key == made.visors[0].key
        await made.visors[1].until_routes(0)
