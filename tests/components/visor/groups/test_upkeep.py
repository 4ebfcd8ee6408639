"""What keeps a dialled group in routes, where things go wrong on the way."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from components.mesh.errors import MeshError, RemoteError, Unreachable
from components.visor.groups import upkeep as upkeep_module
from components.visor.groups.path import Path, Policy
from components.visor.groups.upkeep import Install, Order
from components.visor.plane.streams.api import Left
from signal_bus.ids import PublicKey
from tests.support.small_mesh import Maker, SmallMesh


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "PAUSE_S", (0.01, 0.05))


@pytest.fixture
async def mesh() -> AsyncIterator[SmallMesh]:
    async with SmallMesh() as made:
        yield made


async def test_rules_that_were_not_installed_are_told(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    monkeypatch.setattr(Maker, "_install", lambda *arguments: None)
    with pytest.raises(Unreachable, match="went while it was set up"):
        await a.groups.dial(b.key)


async def test_a_far_end_that_does_not_answer_is_left(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    with monkeypatch.context() as silent:
        silent.setattr(upkeep_module, "OPEN_S", 0.1)
        silent.setattr(b.router, "take", lambda link, plain: None)
        with pytest.raises(Unreachable, match="no answer to the handshake of the route"):
            await a.groups.dial(b.key)
    assert (await a.groups.dial(b.key)).open_routes == 1


async def test_a_silent_node_is_not_waited_for_where_there_is_another_way(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_module, "OPEN_S", 30.0)
    monkeypatch.setattr(upkeep_module, "HEDGE_S", 0.1)
    a, frozen, between, b = (mesh.node() for _ in range(4))
    for node in (frozen, between):
        mesh.link(a, node)
        mesh.link(node, b)
    monkeypatch.setattr(frozen.router, "take", lambda link, plain: None)
    async with asyncio.timeout(10):
        joint = await a.groups.dial(b.key)
        assert a.groups.path_of(joint, joint.group.active or 0) == (between.key,)
        tried = len(mesh.orders)
        other = await a.groups.dial(b.key, Policy(group="another"))
    assert mesh.orders[0].between == (frozen.key,)
    assert a.groups.path_of(other, other.group.active or 0) == (between.key,)
    assert (between.key,) in [path.between for path in mesh.orders[tried : tried + 2]]
    assert [end.number for end in joint.ends.values() if end.state.name == "OVER"] == []


async def test_links_of_a_route_that_stalled_are_tried_last(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, one, other, b = (mesh.node() for _ in range(4))
    for node in (one, other):
        mesh.link(a, node)
        mesh.link(node, b)
    joint = await a.groups.dial(b.key)
    async with asyncio.timeout(10):
        while joint.open_routes < 2:
            await asyncio.sleep(0.01)
    active = joint.group.active
    assert active is not None
    (left,) = set(joint.ends) - {active}
    unused = a.groups.path_of(joint, left)
    a.groups.switched(joint, Left.STALLED)
    again = await a.groups.dial(b.key, Policy(group="another"))
    assert a.groups.path_of(again, again.group.active or 0) != unused


async def test_a_finder_that_is_away_is_told_and_asked_again(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    asked = 0

    async def away(peer: PublicKey, policy: Policy, count: int) -> Sequence[Path]:
        nonlocal asked
        asked += 1
        raise RemoteError("away", "no route finder answers")

    monkeypatch.setattr(a.groups._finder, "paths", away)
    with pytest.raises(Unreachable, match="no route finder answers"):
        await a.groups.dial(b.key)
    async with asyncio.timeout(5):
        while asked < 3:
            await asyncio.sleep(0.01)


async def test_a_second_path_that_came_up_elsewhere_is_found_soon(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_module, "SOON_S", 0.01)
    a, b, between = mesh.node(), mesh.node(), mesh.node()
    for other in (b, between):
        mesh.link(a, other)
    joint = await a.groups.dial(b.key)
    mesh.link(between, b)  # nobody tells us of it
    async with asyncio.timeout(5):
        while joint.open_routes < 2:
            await asyncio.sleep(0.01)


async def test_looks_for_a_second_path_become_seldom_until_something_changes(mesh: SmallMesh) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    await a.groups.dial(b.key)
    (upkeep,) = a.groups._dialled.values()
    upkeep.changed()
    rests = [upkeep._rest() for _ in range(7)]
    assert rests == [0.5, 1.0, 2.0, 4.0, 8.0, upkeep_module.LOOK_S, upkeep_module.LOOK_S]
    upkeep.changed()
    assert upkeep._rest() == upkeep_module.SOON_S


async def test_a_change_of_the_network_ends_the_long_pauses_between_tries(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node(), mesh.node()
    cable = mesh.link(a, b)
    joint = await a.groups.dial(b.key)
    (upkeep,) = a.groups._dialled.values()
    monkeypatch.setattr(upkeep_module, "PAUSE_S", (0.01, 1000.0))
    mesh.cut(cable)
    async with asyncio.timeout(10):
        while upkeep._pause_s < 0.3:
            await asyncio.sleep(0.01)
        a.groups.network_changed()
        assert upkeep._pause_s == 0.01
        mesh.link(a, b)
        while not joint.open_routes:
            await asyncio.sleep(0.01)


async def test_a_full_table_here_is_a_reason_too(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    monkeypatch.setattr(a.router.windows, "left", 0)
    with pytest.raises(Unreachable, match="no memory is left for another route"):
        await a.groups.dial(b.key)


async def test_closing_while_a_route_is_set_up_leaves_nothing(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    entered, go_on = asyncio.Event(), asyncio.Event()
    create = Maker.create

    async def slow(self: Maker, order: Order, install: Install) -> int:
        entered.set()
        await go_on.wait()
        return await create(self, order, install)

    monkeypatch.setattr(Maker, "create", slow)
    dialling = asyncio.ensure_future(a.groups.dial(b.key))  # noqa: TID251 - the test owns and awaits it
    await entered.wait()
    a.groups.close()
    go_on.set()
    with pytest.raises(MeshError, match="closed"):
        await dialling
    assert a.router.routes() == []
    assert a.groups.joints() == []
