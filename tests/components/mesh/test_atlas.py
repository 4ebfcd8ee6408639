"""Routes while the route finder is away, from the copy that was made before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from components.mesh import atlas as module
from components.mesh.atlas import USABLE_S, Atlas
from components.mesh.caller import Denied
from components.mesh.errors import RemoteError, Unreachable, WireError
from components.mesh.forms import RouteOptions, Weight
from components.mesh.keys import hex66
from components.mesh.services import Services
from signal_bus.testing import until
from tests.support.manager import down, link, managing, person

ONE, TWO, THREE = person(1), person(2), person(3)
A, B, C = (who.public_key for who in (ONE, TWO, THREE))


class World:
    """An atlas whose node manager has gone, and its clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.atlas: Atlas

    async def ends(self, **options: object) -> list[int]:
        found = await self.atlas.routes(B, C, RouteOptions(**options))  # type: ignore[arg-type]
        return [len(path) for path in found]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    async with managing() as manager, Services(ONE, [manager.url], timeout_s=20) as services:
        made.atlas = Atlas(services, lambda: made.now, lambda: 0.0)
        await services.register_transports([link(ONE, TWO), link(ONE, THREE)])
        await made.atlas.refresh()
        assert await made.ends() == [2]
        with pytest.raises(Denied, match="with 3 to 15 hops"):
            await made.ends(min_hops=3)
    async with Services(ONE, [manager.url], timeout_s=20) as services:
        made.atlas._services = services
        yield made


async def test_routes_are_found_while_every_service_is_away(world: World) -> None:
    assert await world.ends() == await world.ends(hops=(hex66(A),), weight=Weight.RTT) == [2]
    assert await world.ends(disjoint=True) == [2]
    assert len(world.atlas.transports) == 2
    with pytest.raises(RemoteError, match="has no such route"):
        await world.ends(min_hops=3)


async def test_a_finder_that_hangs_is_not_waited_for_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.atlas._services, "routes", hang)
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    async with asyncio.timeout(4):
        assert await world.ends() == [2]


@pytest.mark.parametrize("options", [{"min_hops": 9, "max_hops": 2}, {"hops": ("x" * 66,)}])
async def test_a_wish_that_cannot_be_is_refused(world: World, options: dict[str, object]) -> None:
    with pytest.raises(WireError):
        await world.ends(**options)


async def test_an_old_copy_is_not_used(world: World) -> None:
    world.now = USABLE_S
    assert world.atlas.transports == ()
    with pytest.raises(Unreachable):
        await world.ends()


async def test_the_copy_is_made_again_and_outlives_a_failed_try(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.001)
    tries = 0
    refreshed = asyncio.Event()

    async def refresh() -> None:
        nonlocal tries
        tries += 1
        if tries > 2:
            refreshed.set()
        raise Unreachable("x", "away")

    monkeypatch.setattr(world.atlas, "refresh", refresh)
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        refreshing = tasks.create_task(world.atlas.refresh_forever())
        await refreshed.wait()
        refreshing.cancel()
    assert await world.ends() == [2]


async def test_who_looks_for_no_route_has_no_copy_and_an_hour_later_has_none_again(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.001)
    refreshed, atlas = asyncio.Event(), Atlas(world.atlas._services, lambda: world.now)

    async def refresh() -> None:
        atlas._transports, atlas._made = world.atlas._transports, world.now
        refreshed.set()

    monkeypatch.setattr(atlas, "refresh", refresh)
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        refreshing = tasks.create_task(atlas.refresh_forever())
        await asyncio.sleep(0)
        assert not refreshed.is_set()
        with suppress(Unreachable):  # the copy may be there before the finder's silence is noticed
            await atlas.routes(B, C)
        await refreshed.wait()
        assert atlas.transports
        world.now += USABLE_S
        await until(lambda: not atlas._wanted.is_set())
        assert atlas._transports == ()
        refreshing.cancel()


async def test_looking_shows_what_is_now_and_the_copy_where_nobody_answers(world: World) -> None:
    assert len(await world.atlas.look()) == 2
    async with managing() as manager, Services(ONE, [manager.url], timeout_s=20) as services:
        world.atlas._services = services
        assert await world.atlas.look() == ()
        await services.register_transports([link(ONE, TWO)])
        assert len(await world.atlas.look()) == 1


async def test_a_new_copy_knows_what_went_down() -> None:
    async with managing() as manager, Services(ONE, [manager.url], timeout_s=20) as services:
        atlas = Atlas(services, lambda: 0.0)
        await services.register_transports([link(ONE, TWO)])
        await services.report([down(link(ONE, TWO))])
        await atlas.refresh()
        assert [told.is_up for told in atlas.transports] == [False]
