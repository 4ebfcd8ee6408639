"""A node between that forges, drops, repeats, reorders or delays: the stream is whole by the other route."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count

import psutil
import pytest

from components.visor.plane.leg import Leg
from components.visor.plane.router import Router
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.limits import RECEIVING_BUDGET, SENDING_BUDGET
from components.visor.plane.streams.store import Pool
from tests.support.joints import Pair, drink, pair, path, pour

MIB = 1 << 20
SIZE = 6 * MIB
EVERY = 20
GROWTH_MIB = 32
Data = Callable[[Leg, int, memoryview], None]


@pytest.fixture
async def nodes() -> AsyncIterator[list[Router]]:
    before = psutil.Process().num_fds()
    made = [Router(asyncio.get_running_loop()) for _ in range(4)]
    yield made
    for router in made:
        router.close()
    assert psutil.Process().num_fds() == before


@pytest.fixture
async def ends(nodes: list[Router]) -> AsyncIterator[Pair]:
    memory = Memory(Pool(), Budget(SENDING_BUDGET), Budget(RECEIVING_BUDGET))
    made = pair(nodes[0], nodes[3], lambda: memory)
    await made.add_route(path([nodes[0], nodes[1], nodes[3]]), cost=1)
    await made.add_route(path([nodes[0], nodes[2], nodes[3]]), cost=50)
    yield made
    made.first.close()
    made.last.close()
    assert memory.sending.used == memory.receiving.used == 0


def forge(honest: Data) -> Data:
    def data(leg: Leg, hops: int, payload: memoryview) -> None:
        changed = bytearray(payload)
        changed[len(changed) // 2] ^= 1
        honest(leg, hops, memoryview(changed))

    return data


def truncate(honest: Data) -> Data:
    return lambda leg, hops, payload: honest(leg, hops, payload[:-1])


def drop(honest: Data) -> Data:
    return lambda leg, hops, payload: None


def repeat(honest: Data) -> Data:
    def data(leg: Leg, hops: int, payload: memoryview) -> None:
        honest(leg, hops, payload)
        honest(leg, hops, payload)

    return data


def reorder(honest: Data) -> Data:
    held: list[tuple[Leg, int, bytes]] = []

    def data(leg: Leg, hops: int, payload: memoryview) -> None:
        if not held:
            held.append((leg, hops, bytes(payload)))
            return
        honest(leg, hops, payload)
        early = held.pop()
        honest(early[0], early[1], memoryview(early[2]))

    return data


def delay(honest: Data) -> Data:
    def data(leg: Leg, hops: int, payload: memoryview) -> None:
        asyncio.get_running_loop().call_later(0.02, honest, leg, hops, memoryview(bytes(payload)))

    return data


def turned(router: Router, attack: Callable[[Data], Data]) -> None:
    """From its `EVERY`th frame of data on, the node does harm."""
    honest, frames = router._data, count()
    harm = attack(honest)

    def data(leg: Leg, hops: int, payload: memoryview) -> None:
        (harm if next(frames) >= EVERY else honest)(leg, hops, payload)

    router._data = data  # type: ignore[method-assign]
    router._pass = lambda link, out, plain, begin: begin  # type: ignore[method-assign]


@pytest.mark.parametrize("attack", [forge, truncate, drop, repeat, reorder, delay])
async def test_whatever_a_node_between_does_the_stream_is_whole(
    nodes: list[Router], ends: Pair, attack: Callable[[Data], Data]
) -> None:
    turned(nodes[1], attack)
    before = psutil.Process().memory_info().rss
    near = ends.dial()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        sent = group.create_task(pour(near, SIZE))
        far = await ends.far.apps.get()
        got = group.create_task(drink(far))
    assert got.result() == (SIZE, sent.result())
    near.close()
    far.close()
    await ends.settled()
    assert psutil.Process().memory_info().rss - before < GROWTH_MIB * MIB


@pytest.mark.parametrize("attack", [forge, truncate, repeat, reorder])
async def test_what_was_tampered_with_ends_its_route(
    nodes: list[Router], ends: Pair, attack: Callable[[Data], Data]
) -> None:
    turned(nodes[1], attack)
    near = ends.dial()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(pour(near, SIZE))
        far = await ends.far.apps.get()
        group.create_task(drink(far))
        await ends.far.until(lambda: ends.last.open_routes == 1)
    assert ends.first.group.active == 2
    near.close()
    far.close()
