"""Routers joined by real sockets: forwarding, credit, closing, and frames of no route."""

import asyncio
import itertools
import os
import random
import socket
from collections.abc import AsyncIterator

import psutil
import pytest

from components.mesh.frame import CREDIT, LARGE_FROM, CloseCode, FrameType, frame
from components.visor.plane import router as router_module
from components.visor.plane.leg import Leg
from components.visor.plane.limits import HOP_FIRST, HOP_WINDOW, HOP_WINDOW_LEAST, LEASE_S, PROVISIONAL_S
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from components.visor.plane.table import LINK_ROUTE, InstallError, LegPlan, Plan, State
from components.visor.plane.windows import Windows
from tests.support.planes import Sink, joined, reasons, route


@pytest.fixture
async def nodes() -> AsyncIterator[list[Router]]:
    before = psutil.Process().num_fds()
    made = [Router(asyncio.get_running_loop()) for _ in range(4)]
    yield made
    for router in made:
        router.close()
    assert psutil.Process().num_fds() == before


def chain(nodes: list[Router]) -> list[tuple[Router, Link | None, Link | None]]:
    """Each node with its links to the node before and after it."""
    links = [joined(left, right) for left, right in itertools.pairwise(nodes)]
    return [
        (node, links[index - 1][1] if index else None, links[index][0] if index < len(links) else None)
        for index, node in enumerate(nodes)
    ]


@pytest.mark.parametrize("hops", [1, 2, 3])
async def test_data_arrives_whole_and_in_order_both_ways(nodes: list[Router], hops: int) -> None:
    _, first, last = route(chain(nodes[: hops + 1]))
    there, back = os.urandom(3_000_000), os.urandom(700_000)
    first.send(there)
    last.send(back)
    await last.until(lambda: last.received == len(there))
    await first.until(lambda: first.received == len(back))
    assert b"".join(last.data) == there
    assert b"".join(first.data) == back


async def test_small_frames_reach_the_other_end(nodes: list[Router]) -> None:
    _, first, last = route(chain(nodes))
    assert first.leg is not None
    first.leg.push(FrameType.HANDSHAKE, b"hello")
    first.leg.push(FrameType.KEEP_ALIVE)
    await last.until(lambda: len(last.small) == 2)
    assert last.small == [(FrameType.HANDSHAKE, b"hello"), (FrameType.KEEP_ALIVE, b"")]


async def test_a_middle_node_holds_no_more_than_its_window(nodes: list[Router]) -> None:
    path = chain(nodes[:3])
    routes, first, last = route(path)
    forwarding = routes[1].legs[1]
    forwarding.allowed.limit, forwarding.allowed.wide = 0, True  # the last link takes nothing
    first.send(bytes(5_000_000))
    async with asyncio.timeout(10):
        while forwarding.queued_bytes < HOP_FIRST - 4096:
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert forwarding.queued_bytes <= HOP_FIRST  # the rest comes once data goes on
    forwarding.told(HOP_WINDOW)
    await last.until(lambda: last.received == 5_000_000)


async def test_a_slow_route_leaves_the_others_alone(nodes: list[Router]) -> None:
    path = chain(nodes[:3])
    stuck, _, _ = route(path)
    stuck[1].legs[1].allowed.limit, stuck[1].legs[1].allowed.wide = 0, True
    stuck_first = stuck[0].legs[0].consumer
    assert isinstance(stuck_first, Sink)
    stuck_first.send(bytes(2_000_000))
    _, first, last = route(path)
    first.send(bytes(4_000_000))
    await last.until(lambda: last.received == 4_000_000)


async def test_who_overruns_its_credit_loses_that_route_only(nodes: list[Router]) -> None:
    path = chain(nodes[:2])
    (near, far), first, last = route(path)
    far.legs[0].granted.limit = 1000
    _, other_first, other_last = route(path)
    first.send(bytes(5000))
    await first.until(lambda: first.over is not None)
    assert (first.over, last.over) == (CloseCode.OVERRUN, CloseCode.OVERRUN)
    assert nodes[1].counts["overrun"] == 1
    assert near.state is far.state is State.CLOSED
    other_first.send(b"x" * 100)
    await other_last.until(lambda: other_last.received == 100)


async def test_a_lost_link_ends_its_routes_and_tells_both_ends(nodes: list[Router]) -> None:
    path = chain(nodes)
    _, first, last = route(path)
    middle = path[1][2]
    assert middle is not None
    middle.close("cut")
    await first.until(lambda: first.over is not None)
    await last.until(lambda: last.over is not None)
    assert first.over == last.over == CloseCode.LINK_LOST
    assert [len(node.routes()) for node in nodes] == [0, 0, 0, 0]


async def test_closing_at_one_end_closes_everywhere(nodes: list[Router]) -> None:
    routes, first, last = route(chain(nodes))
    nodes[0].uninstall(routes[0])
    await last.until(lambda: last.over is not None)
    assert (first.over, last.over) == (None, CloseCode.NORMAL)
    assert [len(node.routes()) for node in nodes] == [0, 0, 0, 0]


async def test_what_was_ordered_and_never_used_goes_after_its_time(
    nodes: list[Router], monkeypatch: pytest.MonkeyPatch
) -> None:
    routes, first, _ = route(chain(nodes[:3]))
    for passed, left in ((PROVISIONAL_S - 1, 1), (PROVISIONAL_S + 1, 0)):
        now = routes[1].opened + passed
        monkeypatch.setattr(nodes[1].loop, "time", lambda now=now: now)
        nodes[1]._tick()
        monkeypatch.undo()
        assert len(nodes[1].routes()) == left
    await first.until(lambda: first.over is not None)
    assert first.over == CloseCode.EXPIRED


async def test_a_used_route_lives_as_long_as_frames_pass(
    nodes: list[Router], monkeypatch: pytest.MonkeyPatch
) -> None:
    routes, first, last = route(chain(nodes[:3]))
    first.send(b"x" * 50)
    await last.until(lambda: last.received == 50)
    assert routes[1].state is State.OPEN
    assert routes[1].expires >= routes[1].opened + LEASE_S


async def test_a_ring_of_rules_cannot_circulate_a_frame(nodes: list[Router]) -> None:
    left, right = nodes[:2]
    (a_left, a_right), (b_left, b_right) = joined(left, right), joined(left, right)
    left.install(
        Plan(
            legs=(
                LegPlan(link=a_left.number, in_id=7, out_id=9),
                LegPlan(link=b_left.number, in_id=8, out_id=5),
            ),
            owner=b"s",
        )
    )
    right.install(
        Plan(
            legs=(
                LegPlan(link=b_right.number, in_id=5, out_id=8),
                LegPlan(link=a_right.number, in_id=9, out_id=7),
            ),
            owner=b"s",
        )
    )
    a_right.tell(FrameType.KEEP_ALIVE, 7)
    async with asyncio.timeout(5):
        while not left.counts["no_hops_left"] + right.counts["no_hops_left"]:
            await asyncio.sleep(0)


async def test_who_sends_on_a_route_nobody_knows_is_told(nodes: list[Router]) -> None:
    (near, _), first, _ = route(chain(nodes[:2]))
    nodes[1]._table.remove(nodes[1].routes()[0])  # as after a restart
    first.send(b"x" * 30)
    await first.until(lambda: first.over is not None)
    assert first.over == CloseCode.NO_ROUTE
    assert near.state is State.CLOSED
    assert nodes[1].counts["unknown_route"] == 1


async def test_strangers_are_answered_a_bounded_number_of_times(nodes: list[Router]) -> None:
    left, right = joined(nodes[0], nodes[1])
    for number in range(1, 1001):
        left.tell(FrameType.KEEP_ALIVE, number)
    left.tell(FrameType.CREDIT, 5000, CREDIT.pack(1))
    async with asyncio.timeout(5):
        while nodes[1].counts["unknown_route"] < 1001:
            await asyncio.sleep(0)
    assert right.strangers == 1000
    assert right._answers_left < 0


async def test_a_big_frame_goes_on_in_the_turn_it_came(
    nodes: list[Router], monkeypatch: pytest.MonkeyPatch
) -> None:
    routes, first, last = route(chain(nodes[:3]))
    copied: list[int] = []
    monkeypatch.setattr(Leg, "forward", lambda leg, kind, hops, payload: copied.append(len(payload)))
    first.send(bytes(100_000))
    await last.until(lambda: last.received == 100_000)
    assert copied == []
    before, after = routes[1].legs
    assert (before.received_bytes, after.sent_bytes) == (100_000, 100_000)
    assert after.allowed.sent == 100_000
    assert before.granted.held == 0


async def test_a_frame_waits_its_turn_behind_what_waits_already(nodes: list[Router]) -> None:
    routes, first, last = route(chain(nodes[:3]))
    first.send(bytes(6000))
    await last.until(lambda: last.received == 6000)
    _, after = routes[1].legs
    async with asyncio.timeout(5):
        while after.allowed.limit == HOP_FIRST:
            await asyncio.sleep(0)
    limit, after.allowed.limit = after.allowed.limit, 10
    first.send(b"a" * 8000)
    async with asyncio.timeout(5):
        while not after.queued_bytes:
            await asyncio.sleep(0)
    after.told(limit + 100_000)
    first.send(b"b" * 8000)
    await last.until(lambda: last.received == 22_000)
    assert b"".join(last.data) == bytes(6000) + b"a" * 8000 + b"b" * 8000


async def test_large_frames_that_waited_for_credit_arrive_whole_and_in_order(nodes: list[Router]) -> None:
    routes, first, last = route(chain(nodes[:3]))
    after = routes[1].legs[1]
    first.send(bytes(100_000))
    await last.until(lambda: last.received == 100_000)
    limit, after.allowed.limit = after.allowed.limit, after.allowed.sent
    data = os.urandom(400_000)
    first.send(data)
    async with asyncio.timeout(5):
        while after.queued_bytes < 2 * LARGE_FROM:
            await asyncio.sleep(0)
    after.told(limit)
    await last.until(lambda: last.received == 500_000)
    assert b"".join(last.data) == bytes(100_000) + data
    assert max(len(part) for part in last.data) >= LARGE_FROM


async def test_more_than_was_allowed_ends_the_route_also_where_it_would_pass(nodes: list[Router]) -> None:
    routes, first, last = route(chain(nodes[:3]))
    leg = routes[0].legs[0]
    leg.allowed.limit = 10 * HOP_WINDOW_LEAST
    routes[1].legs[0].granted.limit = 50_000
    first.send(bytes(120_000))
    await first.until(lambda: first.over is not None)
    await last.until(lambda: last.over is not None)
    assert first.over == last.over == CloseCode.OVERRUN
    assert nodes[1].counts["overrun"] == 1


async def test_a_fault_of_the_link_ahead_ends_that_link_alone(nodes: list[Router]) -> None:
    path = chain(nodes[:3])
    _, first, last = route(path)
    first.send(bytes(30))
    await last.until(lambda: last.received == 30)
    ahead, behind = path[1][2], path[1][1]
    assert ahead is not None
    assert behind is not None
    ahead._sock.shutdown(socket.SHUT_RDWR)
    nodes[1].loop.remove_reader(ahead._sock.fileno())
    first.send(bytes(100_000))
    await first.until(lambda: first.over is not None)
    assert (first.over, ahead.closed, behind.closed) == (CloseCode.LINK_LOST, True, False)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"in_id": 0}, "bad-plan"),
        ({"out_id": 2**32}, "bad-plan"),
        ({"link": 999}, "no-link"),
        ({"in_id": 77}, "collision"),
    ],
)
async def test_a_bad_plan_installs_nothing(nodes: list[Router], change: dict[str, int], reason: str) -> None:
    left, _ = joined(nodes[0], nodes[1])
    nodes[0].install(Plan(legs=(LegPlan(link=left.number, in_id=77, out_id=78),), owner=b"s"), Sink())
    leg = LegPlan(**{"link": left.number, "in_id": 1, "out_id": 2, **change})
    with pytest.raises(InstallError) as caught:
        nodes[0].install(Plan(legs=(leg,), owner=b"s"), Sink())
    assert caught.value.reason == reason
    assert len(nodes[0].routes()) == 1


async def test_ends_and_legs_must_fit(nodes: list[Router]) -> None:
    left, _ = joined(nodes[0], nodes[1])
    plan = Plan(legs=(LegPlan(link=left.number, in_id=1, out_id=2),), owner=b"s")
    with pytest.raises(InstallError, match="two have none"):
        nodes[0].install(plan)
    with pytest.raises(InstallError, match="one or two legs"):
        nodes[0].install(Plan(legs=(*plan.legs, *plan.legs), owner=b"s"))


async def test_without_memory_for_its_window_a_route_is_refused() -> None:
    nodes = [Router(asyncio.get_running_loop(), Windows(2 * HOP_FIRST)) for _ in range(2)]
    left, _ = joined(nodes[0], nodes[1])
    legs = [LegPlan(link=left.number, in_id=number, out_id=number) for number in (1, 2)]
    kept = nodes[0].install(Plan(legs=(legs[0],), owner=b"s"), Sink())
    with pytest.raises(InstallError) as caught:
        nodes[0].install(Plan(legs=(legs[1],), owner=b"s"), Sink())
    assert caught.value.reason == "busy"
    nodes[0].uninstall(kept)
    nodes[0].install(Plan(legs=(legs[1],), owner=b"s"), Sink())
    for node in nodes:
        node.close()


async def test_random_frames_from_a_neighbour_end_at_most_its_link(nodes: list[Router]) -> None:
    dice = random.Random(7)
    for _ in range(60):
        left, right = joined(nodes[0], nodes[1])
        route([(nodes[0], None, left), (nodes[1], right, None)])
        known = next(iter(right.legs))
        for _ in range(20):
            kind = FrameType(dice.randrange(8))
            size = {FrameType.CLOSE: 1, FrameType.KEEP_ALIVE: 0, FrameType.CREDIT: 8, FrameType.DATA: 24}
            number = dice.choice([0, 1, known, dice.randrange(2**32)])
            left._urgent.append(frame(kind, number, dice.randbytes(size.get(kind, 8))))
        left._urgent.append(dice.randbytes(dice.randrange(1, 40)))
        left._flush_soon()
        async with asyncio.timeout(5):
            while (not right.closed and right.received_bytes < left.sent_bytes) or not left.sent_bytes:
                await asyncio.sleep(0)
        left.close("next")
        right.close("next")
    assert nodes[1].links == {}
    assert len(nodes[1].routes()) == 0
    assert all("Traceback" not in reason for reason in reasons(nodes[1]))


async def test_hundreds_of_routes_through_a_middle_with_little_memory_all_carry_bulk_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(router_module, "TICK_S", 0.02)
    loop = asyncio.get_running_loop()
    middle = Router(loop, Windows(16 * 1024 * 1024))
    nodes = [Router(loop), middle, Router(loop)]
    path = chain(nodes)
    routes = [route(path) for _ in range(400)]
    for _, first, _ in routes:
        first.send(bytes(30))
    for _, _, last in routes:
        await last.until(lambda last=last: last.received == 30)  # type: ignore[misc]  # a lambda's default
    for _, first, _ in routes:
        first.send(bytes(150_000))
    for _, _, last in routes:
        await last.until(lambda last=last: last.received == 150_030, 60)  # type: ignore[misc]  # as above
    promised = sum(leg.granted.promised for made, _, _ in routes for leg in made[1].legs)
    assert promised <= middle.windows.limit - middle.windows.left <= middle.windows.limit
    assert middle.counts["overrun"] == 0
    for node in nodes:
        node.close()


async def test_a_wide_window_is_taken_back_over_the_wire_and_given_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(router_module, "TICK_S", 0.02)
    loop = asyncio.get_running_loop()
    nodes = [Router(loop), Router(loop), Router(loop, Windows(2 * HOP_WINDOW_LEAST))]
    path = chain(nodes)
    _, first, last = route(path)
    _, other, other_last = route(path)
    for _ in range(5):
        for sender, receiver in ((first, last), (other, other_last)):
            before = receiver.received
            sender.send(bytes(300_000))
            await receiver.until(lambda r=receiver, b=before: r.received == b + 300_000)  # type: ignore[misc]  # as above
    assert first.over is last.over is None
    for node in nodes:
        node.close()


async def test_a_neighbour_that_returns_what_it_was_not_asked_for_loses_the_route(
    nodes: list[Router],
) -> None:
    routes, first, last = route(chain(nodes[:2]))
    leg = routes[0].legs[0]
    leg.link.tell(FrameType.RETURN, leg.out_id, bytes(8))
    await last.until(lambda: last.over == CloseCode.OVERRUN)
    await first.until(lambda: first.over == CloseCode.OVERRUN)
    assert nodes[1].counts["overrun"] == 1


async def test_what_a_turn_makes_ready_goes_out_at_its_end(nodes: list[Router]) -> None:
    here = nodes[0]
    left, _ = joined(here, nodes[1])
    while left._flushing:  # its first ping
        await asyncio.sleep(0)
    before = left.sent_bytes

    def work() -> None:
        left.tell(FrameType.HANDSHAKE, LINK_ROUTE, b"one")
        left.tell(FrameType.HANDSHAKE, LINK_ROUTE, b"two")
        assert left.sent_bytes == before

    here.turn(work)
    assert left.sent_bytes > before


async def test_a_fault_within_a_turn_leaves_nothing_unsent(nodes: list[Router]) -> None:
    here = nodes[0]
    left, _ = joined(here, nodes[1])
    while left._flushing:
        await asyncio.sleep(0)
    before = left.sent_bytes

    def work() -> None:
        left.tell(FrameType.HANDSHAKE, LINK_ROUTE, b"one")
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        here.turn(work)
    assert left.sent_bytes > before
    assert not here.gathering
