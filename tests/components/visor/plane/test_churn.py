"""Streams that open and close, routes that come and go: nothing is left of them, however long it goes on."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import NamedTuple

import psutil
import pytest

from components.mesh.frame import CloseCode
from components.visor.plane.router import Router
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.limits import RECEIVING_BUDGET, SENDING_BUDGET
from components.visor.plane.streams.store import Pool
from tests.support.joints import Hop, Pair, drink, pair, path, pour

MIB = 1024 * 1024
WARM = 20  # rounds until buffers and caches have their size
GROWTH_MIB = 4.0  # what an allocator keeps, not what a leak adds: 2 KiB a round would show


class Held(NamedTuple):
    """What a leak would add to."""

    descriptors: int
    routes: int
    legs: int
    streams: int
    promised: int
    kept: int


class World:
    """Two ends with a node between, on links that stay."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.nodes = [Router(loop) for _ in range(3)]
        self.memory = Memory(Pool(), Budget(SENDING_BUDGET), Budget(RECEIVING_BUDGET))
        self.hops: list[Hop] = path(self.nodes)
        self.ends: Pair = pair(self.nodes[0], self.nodes[-1], lambda: self.memory)

    async def round(self) -> None:
        """A new route, three streams with data both ways, the old route gone."""
        number = await self.ends.add_route(self.hops)
        for size in (100, 300_000, 5_000):
            await self._stream(size)
        await self.ends.settled()
        old = self.ends.first.ends.get(number - 1)
        if old is not None:
            old.close(CloseCode.NORMAL)
            await self.ends.far.until(lambda: self.ends.last.open_routes == 1)

    async def _stream(self, size: int) -> None:
        near = self.ends.dial()
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(pour(near, size))
            far = await self.ends.far.apps.get()
            there = group.create_task(drink(far))
            group.create_task(pour(far, size // 2))
            back = group.create_task(drink(near))
        assert (there.result()[0], back.result()[0]) == (size, size // 2)
        near.close()
        far.close()

    @property
    def held(self) -> Held:
        """What is held now."""
        joints = (self.ends.first, self.ends.last)
        return Held(
            descriptors=psutil.Process().num_fds(),
            routes=sum(len(node.routes()) for node in self.nodes),
            legs=sum(len(link.legs) for node in self.nodes for link in node.links.values()),
            streams=sum(len(joint.streams) for joint in joints),
            promised=sum(node.windows.left for node in self.nodes),
            kept=self.memory.sending.used + self.memory.receiving.used,
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    made.ends.first.close()
    made.ends.last.close()
    for node in made.nodes:
        node.close()


def rss_mib() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / MIB


async def test_streams_and_routes_leave_nothing_behind(world: World) -> None:
    for _ in range(WARM):
        await world.round()
    before = world.held
    for _ in range(40):
        await world.round()
        assert world.held == before
    assert (before.routes, before.legs, before.streams, before.kept) == (3, 4, 0, 0)


@pytest.mark.slow
async def test_a_minute_of_streams_and_routes_does_not_grow_the_process(world: World) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(5 * WARM):
        await world.round()
    held, before, rounds = world.held, rss_mib(), 0
    end = loop.time() + 60
    while loop.time() < end:
        await world.round()
        rounds += 1
    assert world.held == held
    assert rss_mib() - before < GROWTH_MIB, f"{rounds} rounds"
