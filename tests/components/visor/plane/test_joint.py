"""Groups over real links: streams whole over several hops, failover, half-close, resets, bad ends."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from components.mesh.frame import CloseCode, FrameType
from components.visor.plane.joint import Joint
from components.visor.plane.leg import Leg
from components.visor.plane.router import Router
from components.visor.plane.streams.api import Code
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.limits import MESSAGE_MAX, RECEIVING_BUDGET, SENDING_BUDGET
from components.visor.plane.streams.store import Pool
from tests.support.joints import Pair, drink, pair, path, pour

MIB = 1 << 20


@pytest.fixture
async def nodes() -> AsyncIterator[list[Router]]:
    before = psutil.Process().num_fds()
    made = [Router(asyncio.get_running_loop()) for _ in range(4)]
    yield made
    for router in made:
        router.close()
    assert psutil.Process().num_fds() == before


@pytest.fixture
async def ends(nodes: list[Router], memory: Memory) -> AsyncIterator[Pair]:
    made = pair(nodes[0], nodes[-1], lambda: memory)
    yield made
    made.first.close()
    made.last.close()
    while not made.far.apps.empty():
        made.far.apps.get_nowait().close()
    assert memory.sending.used == memory.receiving.used == 0


@pytest.fixture
def memory() -> Memory:
    return Memory(Pool(), Budget(SENDING_BUDGET), Budget(RECEIVING_BUDGET))


async def carried(ends: Pair, size: int, back: int = 0) -> None:
    """One stream carries bytes both ways, whole."""
    near = ends.dial()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        sent = group.create_task(pour(near, size))
        far = await ends.far.apps.get()
        got = group.create_task(drink(far))
        answered = group.create_task(pour(far, back))
        answer = group.create_task(drink(near))
    assert got.result() == (size, sent.result())
    assert answer.result() == (back, answered.result())
    near.close()
    far.close()


@pytest.mark.parametrize("hops", [1, 2, 3])
async def test_a_stream_is_whole_over_several_hops(nodes: list[Router], ends: Pair, hops: int) -> None:
    await ends.add_route(path([*nodes[:hops], nodes[-1]]))
    await carried(ends, 5 * MIB, MIB)
    await ends.settled()


async def test_many_streams_share_a_route(nodes: list[Router], ends: Pair) -> None:
    await ends.add_route(path([nodes[0], nodes[-1]]))
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for size in range(40):
            group.create_task(carried_one(ends, size * 10_000))
    await ends.settled()


async def carried_one(ends: Pair, size: int) -> None:
    near = ends.dial()
    sent = await pour(near, size) if size < 50_000 else None
    far = await ends.far.apps.get()
    far.setblocking(False)
    if sent is None:
        async with asyncio.TaskGroup() as group:
            group.create_task(pour(near, size))
            group.create_task(drink(far))
    else:
        await drink(far)
    near.close()
    far.close()


@pytest.mark.parametrize("at", [0, 1, 2, 5])
async def test_nothing_is_lost_when_the_active_route_dies(nodes: list[Router], ends: Pair, at: int) -> None:
    through_one, through_two = path([nodes[0], nodes[1], nodes[3]]), path([nodes[0], nodes[2], nodes[3]])
    await ends.add_route(through_one)
    await ends.add_route(through_two)
    active = through_one if ends.first.group.active == 1 else through_two
    link = active[1][2]
    assert link is not None
    near = ends.dial()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        sent = group.create_task(pour(near, 20 * MIB))
        far = await ends.far.apps.get()
        got = group.create_task(drink(far))
        while link.sent_bytes < at * MIB:
            await asyncio.sleep(0)
        link.close("cut")
    assert got.result() == (20 * MIB, sent.result())
    assert ends.near.switches
    near.close()
    far.close()


def swallow(leg: Leg, hops: int, payload: memoryview) -> None:
    """A middle node that takes everything, grants credit, and passes nothing on."""
    leg.granted.take(len(payload))
    leg.taken(len(payload))


async def test_a_route_that_swallows_everything_is_left(nodes: list[Router], ends: Pair) -> None:
    through_one, through_two = path([nodes[0], nodes[1], nodes[3]]), path([nodes[0], nodes[2], nodes[3]])
    await ends.add_route(through_one, cost=1)
    await ends.add_route(through_two, cost=50)
    near = ends.dial()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        sent = group.create_task(pour(near, 12 * MIB))
        far = await ends.far.apps.get()
        got = group.create_task(drink(far))
        link = through_one[1][2]
        assert link is not None
        while link.sent_bytes < 2 * MIB:
            await asyncio.sleep(0)
        nodes[1]._data = swallow  # type: ignore[method-assign]
    assert got.result() == (12 * MIB, sent.result())
    near.close()
    far.close()


async def test_a_forged_unit_closes_its_route_and_no_stream(nodes: list[Router], ends: Pair) -> None:
    first, second = path([nodes[0], nodes[1], nodes[3]]), path([nodes[0], nodes[2], nodes[3]])
    await ends.add_route(first, cost=1)
    await ends.add_route(second, cost=50)
    link = first[1][2]
    assert link is not None
    leg = next(leg for leg in link.legs.values())
    leg.forward(FrameType.DATA, 3, memoryview(bytes(100)))
    await ends.far.until(lambda: ends.last.open_routes == 1)
    await carried(ends, MIB)


async def test_without_any_route_streams_wait_for_one(nodes: list[Router], ends: Pair) -> None:
    only = path([nodes[0], nodes[3]])
    await ends.add_route(only)
    link = only[0][2]
    assert link is not None
    near = ends.dial()
    far = await asyncio.wait_for(ends.far.apps.get(), 10)
    link.close("cut")
    await ends.near.until(lambda: ends.first.open_routes == 0)
    await ends.far.until(lambda: ends.last.open_routes == 0)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(near, b"while nobody listens")
    await ends.add_route(path([nodes[0], nodes[3]]))
    assert await asyncio.wait_for(loop.sock_recv(far, 100), 10) == b"while nobody listens"
    near.close()
    far.close()


async def test_an_app_that_is_gone_resets_its_stream(nodes: list[Router], ends: Pair) -> None:
    await ends.add_route(path([nodes[0], nodes[3]]))
    near = ends.dial()
    far = await asyncio.wait_for(ends.far.apps.get(), 10)
    far.close()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        while True:
            try:
                await loop.sock_sendall(near, bytes(100_000))
            except OSError:
                break
    near.close()
    assert set(ends.near.codes + ends.far.codes) <= {Code.GONE, None}


async def test_messages_arrive(nodes: list[Router], ends: Pair) -> None:
    await ends.add_route(path([nodes[0], nodes[3]]))
    assert ends.first.group.send(9, b"hello", source=1)
    await ends.far.until(lambda: ends.far.messages)
    assert ends.far.messages == [b"hello"]


async def test_long_messages_arrive_by_a_route_that_said_little_before(
    nodes: list[Router], ends: Pair
) -> None:
    await ends.add_route(path(nodes))
    long = [bytes([number]) * MESSAGE_MAX for number in range(8)]  # none fits the first window of a hop
    for body in long:
        assert ends.first.group.send(9, body, source=8)
    await ends.far.until(lambda: len(ends.far.messages) == len(long))
    assert ends.far.messages == long


async def test_closing_a_joint_leaves_no_route(nodes: list[Router], ends: Pair) -> None:
    await ends.add_route(path([nodes[0], nodes[1], nodes[3]]))
    ends.first.close(CloseCode.SHUTDOWN)
    await ends.far.until(lambda: not ends.last.ends)
    assert [len(node.routes()) for node in nodes] == [0, 0, 0, 0]
    assert isinstance(ends.last, Joint)
