"""A setup node against the agents of real routers, by control channels over loopback."""

import asyncio
from contextlib import suppress

import pytest

from components.mesh.aead import Cipher
from components.mesh.callers import Callers
from components.mesh.channel import Nothing
from components.mesh.errors import Refused, RemoteError
from components.mesh.frame import FrameType
from components.mesh.ports import MeshPort
from components.mesh.setup import CLOSE, CREATE, INSTALL, Close, Create, Created
from components.node_manager.setup import node as module
from tests.support.setups import GROUP, World, identity, world

SETUP = identity(20)
ALLOWED = frozenset({SETUP.public_key})


def request(made: World, order: int = 1, *numbers: int) -> Create:
    return Create(order.to_bytes(16, "big"), GROUP, order, Cipher.AES, made.hops(*numbers))


async def asked(made: World, create: Create, visor: int = 0) -> Created:
    pool = await made.pool(made.visors[visor].identity, MeshPort.SETUP_NODE)
    return await pool.call(SETUP.public_key, CREATE, create, Created, deadline_s=5)


@pytest.mark.parametrize("count", [2, 3, 5])
async def test_a_route_is_installed_at_every_hop_and_carries_data_both_ways(count: int) -> None:
    async with world(count, ALLOWED) as made:
        node = await made.setup_node(SETUP)
        client = await made.client(SETUP.public_key)
        granted = await client.create(made.wanted(), made.installs())
        assert [len(visor.router.routes()) for visor in made.visors] == [1] * count
        (_, near), (end, far) = made.visors[0].ends[0], made.visors[-1].ends[0]
        assert (end.initiator, end.group, end.number) == (made.visors[0].key, GROUP, granted.number)
        near.send(b"x" * 30)
        await far.until(lambda: far.received == 30)
        far.send(b"y" * 40)
        await near.until(lambda: near.received == 40)
        assert node.counts == {"created": 1}


async def test_a_node_between_learns_nothing_of_the_ends() -> None:
    async with world(3, ALLOWED) as made:
        await made.setup_node(SETUP)
        assert (await asked(made, request(made))).leg is not None
        assert made.visors[1].ends == []
        (route,) = made.visors[1].router.routes()
        assert route.owner == SETUP.public_key


async def test_a_failure_names_the_hop_the_step_and_the_reason_and_nothing_stands() -> None:
    async with world(4, ALLOWED) as made:
        await made.setup_node(SETUP)
        lacking = made.visors[2]
        lacking.links.clear()
        failed = (await asked(made, request(made))).failed
        assert failed is not None
        assert (failed.key, failed.step, failed.reason) == (lacking.key, INSTALL, "no-transport")
        assert "is not up here" in failed.text
        for visor in made.visors:
            await visor.until_routes(0)


async def test_a_hop_that_nobody_finds_is_named() -> None:
    async with world(3, ALLOWED) as made:
        await made.setup_node(SETUP)
        gone = made.visors[1].key
        del made.places[gone]
        failed = (await asked(made, request(made))).failed
        assert failed is not None
        assert (failed.key, failed.step, failed.reason) == (gone, "reach", "unreachable")
        await made.visors[2].until_routes(0)


async def test_a_hop_that_never_answers_is_named_within_the_deadline() -> None:
    async with world(3, ALLOWED) as made:
        await made.setup_node(SETUP, hop_s=0.2)
        frozen = made.visors[1]
        with_socket = asyncio.Event()

        async def silent(*_: object) -> None:
            with suppress(asyncio.CancelledError):
                await with_socket.wait()

        await made.serve(frozen.identity, {MeshPort.SETUP_HOP: silent})
        failed = (await asked(made, request(made))).failed
        with_socket.set()
        assert failed is not None
        assert (failed.key, failed.step, failed.reason) == (frozen.key, "reach", "timeout")
        assert "within 0.2 s" in failed.text


async def test_a_setup_node_that_is_not_allowed_is_refused_by_name() -> None:
    async with world(2, frozenset()) as made:
        await made.setup_node(SETUP)
        failed = (await asked(made, request(made))).failed
        assert failed is not None
        assert (failed.key, failed.step, failed.reason) == (made.visors[1].key, "reach", "not-allowed")
        assert made.visors[1].agent.counts["not-allowed"] == 1


async def test_a_collision_is_tried_again_with_new_ids() -> None:
    async with world(2, ALLOWED) as made:
        node = await made.setup_node(SETUP)
        drawn = iter([7, 8, 7, 9, 7, 10, 11, 12])
        node._builder._draw_id = lambda: next(drawn)
        assert (await asked(made, request(made, 1))).leg is not None
        leg = (await asked(made, request(made, 2))).leg
        assert leg is not None
        assert (leg.out_id, leg.in_id) == (11, 12)


async def test_ids_that_collide_for_ever_are_a_failure() -> None:
    async with world(2, ALLOWED) as made:
        node = await made.setup_node(SETUP)
        node._builder._draw_id = lambda: 7
        assert (await asked(made, request(made, 1))).leg is not None
        failed = (await asked(made, request(made, 2))).failed
        assert failed is not None
        assert failed.reason == "collision"
        assert len(made.visors[1].router.routes()) == 1


async def test_a_route_is_closed_by_its_initiator_only() -> None:
    async with world(3, ALLOWED) as made:
        node = await made.setup_node(SETUP)
        create = request(made)
        await asked(made, create)
        other = await made.pool(made.visors[1].identity, MeshPort.SETUP_NODE)
        await other.call(SETUP.public_key, CLOSE, Close(create.order), Nothing, deadline_s=5)
        assert node.counts["closed"] == 0
        own = await made.pool(made.visors[0].identity, MeshPort.SETUP_NODE)
        await own.call(SETUP.public_key, CLOSE, Close(create.order), Nothing, deadline_s=5)
        for visor in made.visors:
            await visor.until_routes(0)
        assert made.visors[2].ends[0][1].over == 0


async def test_what_is_closed_while_it_is_made_does_not_stand() -> None:
    async with world(2, ALLOWED) as made:
        node = await made.setup_node(SETUP)
        create = request(made)
        async with asyncio.TaskGroup() as tasks:
            making = tasks.create_task(node.create(made.visors[0].key, create))
            await asyncio.sleep(0)
            node.close(made.visors[0].key, Close(create.order))
        failed = making.result().failed
        assert failed is not None
        assert failed.reason == "closed"
        await made.visors[1].until_routes(0)
        assert (node.counts["closed"], node.counts["failed"]) == (1, 0)  # who lost a race did not fail


async def test_rules_are_gone_when_the_setup_node_is_stopped_midway() -> None:
    async with world(3, ALLOWED) as made:
        node = await made.setup_node(SETUP, hop_s=30)
        stuck = asyncio.Event()

        async def silent(*_: object) -> None:
            with suppress(asyncio.CancelledError):
                await stuck.wait()

        await made.serve(made.visors[1].identity, {MeshPort.SETUP_HOP: silent})
        async with asyncio.TaskGroup() as tasks:
            making = tasks.create_task(node.create(made.visors[0].key, request(made)))
            await made.visors[2].until_routes(1)
            making.cancel()
        await made.visors[2].until_routes(0)
        stuck.set()


async def test_half_installed_rules_are_gone_after_their_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.visor.plane.table.PROVISIONAL_S", 0.0)
    async with world(3, ALLOWED) as made:
        await made.setup_node(SETUP)
        await asked(made, request(made))
        assert len(made.visors[1].router.routes()) == 1
        for visor in made.visors:
            await visor.until_routes(0)


async def test_only_allowed_initiators_are_served() -> None:
    async with world(2, ALLOWED) as made:
        allowed = {made.visors[1].key}
        node = await made.setup_node(SETUP, allowed)
        with pytest.raises(Refused, match="not-allowed"):
            await asked(made, request(made))
        backwards = Create(bytes(16), GROUP, 1, Cipher.AES, made.hops(1, 0))
        pool = await made.pool(made.visors[1].identity, MeshPort.SETUP_NODE)
        assert (await pool.call(SETUP.public_key, CREATE, backwards, Created, deadline_s=5)).leg is not None
        allowed.clear()
        with pytest.raises(RemoteError, match="not-allowed"):
            await pool.call(SETUP.public_key, CREATE, backwards, Created, deadline_s=5)
        assert node.counts["not-allowed"] == 1


async def test_nobody_asks_for_a_route_of_another_or_twice_by_one_id() -> None:
    async with world(3, ALLOWED) as made:
        await made.setup_node(SETUP)
        with pytest.raises(RemoteError, match="bad-request: a route is asked for by the node it starts at"):
            await asked(made, request(made), visor=1)
        await asked(made, request(made))
        with pytest.raises(RemoteError, match="another request had this id"):
            await asked(made, request(made))


async def test_sessions_requests_and_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(2, ALLOWED) as made:
        node = await made.setup_node(SETUP)
        for bound in ("UNDER_WAY", "UNDER_WAY_EACH", "REMEMBERED", "REMEMBERED_EACH"):
            with monkeypatch.context() as patch:
                patch.setattr(module, bound, 0)
                with pytest.raises(RemoteError, match="busy: too many routes"):
                    await node.create(made.visors[0].key, request(made))
        await asked(made, request(made))
        node._callers = Callers(most=0, each=4)
        with pytest.raises(Refused, match="busy"):
            await asked(made, request(made))
        monkeypatch.setattr(module, "REMEMBERED_S", 0.0)
        await node.create(made.visors[0].key, request(made, 2))
        await node.create(made.visors[0].key, request(made, 3))
        assert len(node._works) == 1


async def test_a_route_lives_on_with_its_first_frame() -> None:
    async with world(3, ALLOWED) as made:
        await made.setup_node(SETUP)
        client = await made.client(SETUP.public_key)
        await client.create(made.wanted(), made.installs())
        near, far = made.visors[0].ends[0][1], made.visors[2].ends[0][1]
        assert near.leg is not None
        near.leg.push(FrameType.HANDSHAKE, b"h")
        await far.until(lambda: far.small == [(FrameType.HANDSHAKE, b"h")])
        now = made.visors[1].router.loop.time()
        assert made.visors[1].router.routes()[0].expires > now + 40
