import pytest

from components.mesh.builder import RouteFailed
from components.mesh.errors import CallerError
from components.mesh.ports import MeshPort
from components.visor.plane.table import InstallError
from components.visor.setup.client import Creator, Granted
from components.visor.setup.direct import DirectSetup, signing
from tests.support.setups import World, world


async def direct(made: World) -> Creator:
    own = made.visors[0].identity
    pool = await made.pool(own, MeshPort.SETUP_HOP)
    return DirectSetup(own.public_key, await made.stack.enter_async_context(signing(pool, own)))


async def test_an_initiator_builds_its_own_route() -> None:
    async with world(4, frozenset(), direct=True) as made:
        granted = await (await direct(made)).create(made.wanted(), made.installs())
        near, far = made.visors[0].ends[0][1], made.visors[3].ends[0][1]
        near.send(b"x" * 30)
        await far.until(lambda: far.received == 30)
        assert granted.owner == made.visors[0].key
        assert [route.owner for route in made.visors[1].router.routes()] == [made.visors[0].key]


async def test_a_hop_that_does_not_allow_it_is_named() -> None:
    async with world(3, frozenset()) as made:
        with pytest.raises(RouteFailed) as caught:
            await (await direct(made)).create(made.wanted(), made.installs())
        assert caught.value.failure.reason == "not-allowed"


async def test_a_route_that_starts_elsewhere_is_a_fault_of_the_caller() -> None:
    async with world(3, frozenset(), direct=True) as made:
        with pytest.raises(CallerError, match="by the node it starts at"):
            await (await direct(made)).create(made.wanted(1, 2), made.installs())


@pytest.mark.parametrize("reason", ["collision", "busy"])
async def test_an_own_leg_that_cannot_be_had_takes_the_route_back(reason: str) -> None:
    async with world(3, frozenset(), direct=True) as made:
        tries = []

        def install(granted: Granted) -> None:
            tries.append(granted)
            raise InstallError(reason, "no")

        with pytest.raises(RouteFailed) as caught:
            await (await direct(made)).create(made.wanted(), install)
        assert (caught.value.failure.key, caught.value.failure.reason) == (made.visors[0].key, reason)
        assert len(tries) == (4 if reason == "collision" else 1)
        for visor in made.visors:
            await visor.until_routes(0)


async def test_a_fault_in_installing_our_leg_takes_the_route_back() -> None:
    def install(_: Granted) -> None:
        raise ZeroDivisionError

    async with world(2, frozenset(), direct=True) as made:
        with pytest.raises(ZeroDivisionError):
            await (await direct(made)).create(made.wanted(), install)
        await made.visors[1].until_routes(0)
