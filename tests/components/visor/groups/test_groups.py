"""Groups of a whole small mesh: dialling, standby routes, failover, moves to a better path, giving up."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Sequence

import psutil
import pytest

from components.mesh.aead import Cipher
from components.mesh.errors import CallerError, Unreachable
from components.visor.groups import groups as groups_module
from components.visor.groups import upkeep as upkeep_module
from components.visor.groups.path import Path, Policy
from components.visor.plane import joint as joint_module
from components.visor.plane.joint import Joint
from components.visor.plane.streams.api import Code, Left
from components.visor.plane.table import InstallError, LegPlan, Plan
from signal_bus.ids import PublicKey
from tests.support.joints import app_pair, drink, pour
from tests.support.small_mesh import Finder, Node, SmallMesh

MIB = 1 << 20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "PAUSE_S", (0.01, 0.05))


@pytest.fixture
async def mesh() -> AsyncIterator[SmallMesh]:
    before = psutil.Process().num_fds()
    async with SmallMesh() as made:
        yield made
    assert psutil.Process().num_fds() == before


async def until(probe: Callable[[], object], deadline_s: float = 10.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not probe():
            await asyncio.sleep(0.002)


def square(mesh: SmallMesh) -> tuple[list[Node], dict[str, uuid.UUID]]:
    """a - b - d and a - c - d."""
    nodes = [mesh.node() for _ in range(4)]
    a, b, c, d = nodes
    links = {"ab": mesh.link(a, b), "bd": mesh.link(b, d), "ac": mesh.link(a, c), "cd": mesh.link(c, d)}
    return nodes, links


def stream(joint: Joint, port: int = 7) -> tuple[socket.socket, list[int | None]]:
    ours, theirs = app_pair()
    codes: list[int | None] = []
    joint.open(port, theirs, source=50000, over=codes.append)
    return ours, codes


async def carried(joint: Joint, far: Node, size: int) -> None:
    near, _ = stream(joint)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        sent = group.create_task(pour(near, size))
        other = await far.incoming.get()
        got = group.create_task(drink(other))
    assert got.result() == (size, sent.result())
    near.close()
    other.close()


async def test_a_dial_needs_one_route_and_a_second_follows(mesh: SmallMesh) -> None:
    (a, b, c, d), _ = square(mesh)
    joint = await a.groups.dial(d.key)
    await until(lambda: joint.open_routes == 2)
    assert {path.between for path in mesh.orders} == {(b.key,), (c.key,)}
    assert {a.groups.path_of(joint, number) for number in joint.ends} == {(b.key,), (c.key,)}
    assert d.groups.path_of(d.groups.joints()[0], 1) == ()
    await carried(joint, d, MIB)


async def test_dials_of_one_peer_share_a_group(mesh: SmallMesh) -> None:
    (a, _, _, d), _ = square(mesh)
    joints = await asyncio.gather(*(a.groups.dial(d.key) for _ in range(20)))
    assert len(set(map(id, joints))) == 1
    await until(lambda: joints[0].open_routes == 2)
    assert len(mesh.orders) == 2
    other = await a.groups.dial(d.key, Policy(min_hops=2))
    assert other is not joints[0]


async def test_min_hops_and_explicit_hops_are_kept(mesh: SmallMesh) -> None:
    (a, b, c, d), _ = square(mesh)
    mesh.link(a, d)
    direct = await a.groups.dial(d.key)
    assert mesh.orders[0].between == ()
    two = await a.groups.dial(d.key, Policy(min_hops=2))
    named = await a.groups.dial(d.key, Policy(through=(c.key,)))
    assert len({id(direct), id(two), id(named)}) == 3
    await until(lambda: named.open_routes == 1 and two.open_routes == 2)
    assert all(len(a.groups.path_of(two, number)) >= 1 for number in two.ends)
    assert [a.groups.path_of(named, number) for number in named.ends] == [(c.key,)]
    with pytest.raises(Unreachable, match="no path"):
        await a.groups.dial(d.key, Policy(min_hops=5))
    assert b.groups.joints() == []


async def test_the_standby_takes_over_and_a_new_one_is_made(mesh: SmallMesh) -> None:
    (a, b, _, d), links = square(mesh)
    joint = await a.groups.dial(d.key)
    await until(lambda: joint.open_routes == 2)
    active = a.groups.path_of(joint, joint.group.active or 0)
    near, codes = stream(joint)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        sent = group.create_task(pour(near, 20 * MIB))
        far = await d.incoming.get()
        got = group.create_task(drink(far))
        await asyncio.sleep(0.01)
        mesh.cut(links["bd" if active == (b.key,) else "cd"])
    assert got.result() == (20 * MIB, sent.result())
    assert a.groups.counts["switched_dead"] == 1
    e = mesh.node()
    mesh.link(a, e)
    mesh.link(e, d)
    await until(lambda: joint.open_routes == 2)
    assert codes in ([], [None])
    near.close()
    far.close()


async def test_streams_move_to_a_better_path_and_the_worst_of_three_goes(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.visor.plane.streams.failover.HOLD_S", 0.0)
    (a, _, _, d), _ = square(mesh)
    joint = await a.groups.dial(d.key)
    await until(lambda: joint.open_routes == 2)
    near, _ = stream(joint)
    far = await asyncio.wait_for(d.incoming.get(), 10)
    mesh.link(a, d)
    await until(lambda: any(a.groups.path_of(joint, n) == () for n in joint.ends))
    await until(lambda: joint.group.active is not None and a.groups.path_of(joint, joint.group.active) == ())
    await until(lambda: joint.open_routes == 2)
    assert a.groups.counts[f"switched_{Left.BETTER.name.lower()}"] == 1
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(near, b"after the move")
    assert await loop.sock_recv(far, 100) == b"after the move"
    near.close()
    far.close()


async def test_who_has_no_path_is_told_why(mesh: SmallMesh) -> None:
    a, b = mesh.node(), mesh.node()
    with pytest.raises(Unreachable, match="no path to it is known"):
        await a.groups.dial(b.key)
    mesh.link(a, b)
    mesh.fault = lambda path: "the hop 1234 did not answer"
    with pytest.raises(Unreachable, match="the hop 1234 did not answer"):
        await a.groups.dial(b.key)
    mesh.fault = lambda path: ""
    joint = await a.groups.dial(b.key)
    await carried(joint, b, 1000)
    with pytest.raises(CallerError, match="no route to itself"):
        await a.groups.dial(a.key)


async def test_a_path_that_cannot_be_set_up_does_not_spoil_the_dial(mesh: SmallMesh) -> None:
    (a, b, c, d), _ = square(mesh)
    mesh.fault = lambda path: "b refuses" if path.between == (b.key,) else ""
    joint = await a.groups.dial(d.key)
    assert [a.groups.path_of(joint, number) for number in joint.ends] == [(c.key,)]


async def test_a_group_without_routes_is_given_up_on_both_sides(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_module, "GIVE_UP_S", 0.05)
    a, b = mesh.node(), mesh.node()
    link = mesh.link(a, b)
    joint = await a.groups.dial(b.key)
    near, codes = stream(joint)
    far = await asyncio.wait_for(b.incoming.get(), 10)
    mesh.cut(link)
    await until(lambda: not a.groups.joints())
    await until(lambda: codes)
    assert codes[0] is not None
    b.groups.sweep(1.0)
    b.groups.sweep(200.0)
    assert b.groups.joints() == []
    near.close()
    far.close()


@pytest.mark.parametrize(
    "silent_s, kept_s",
    [(0.0, upkeep_module.HUNG_UP_S), (40.0, upkeep_module.GIVE_UP_S)],
    ids=["broke", "fell silent"],
)
async def test_how_a_peer_was_lost_decides_how_long_its_streams_wait(
    mesh: SmallMesh, silent_s: float, kept_s: float
) -> None:
    a, b = mesh.node(), mesh.node()
    link = mesh.link(a, b)
    near, _ = stream(await a.groups.dial(b.key))
    far = await asyncio.wait_for(b.incoming.get(), 10)
    mesh.cut(link)
    (joint,) = b.groups.joints()
    await until(lambda: not joint.ends)
    now = asyncio.get_running_loop().time()
    assert now - joint.heard_at < 10
    joint.heard_at -= silent_s
    b.groups.sweep(now)
    b.groups.sweep(now + kept_s - 1)
    assert b.groups.joints() == [joint]
    b.groups.sweep(now + kept_s + 1)
    assert b.groups.joints() == []
    assert await asyncio.get_running_loop().sock_recv(far, 1) == b""
    near.close()
    far.close()


async def test_an_idle_group_goes(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "IDLE_S", 0.05)
    monkeypatch.setattr(upkeep_module, "LOOK_S", 0.02)
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    await a.groups.dial(b.key)
    await until(lambda: not a.groups.joints())
    await until(lambda: not b.router.routes())


async def test_another_stream_to_the_same_peer_looks_for_no_path(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[PublicKey] = []
    real = Finder.paths

    async def paths(self: Finder, peer: PublicKey, policy: Policy, count: int) -> Sequence[Path]:
        looks.append(peer)
        return await real(self, peer, policy, count)

    monkeypatch.setattr(upkeep_module, "SOON_S", 60.0)
    monkeypatch.setattr(Finder, "paths", paths)
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    await a.groups.dial(b.key)
    await until(lambda: len(looks) == 2)  # for a standby
    for _ in range(3):
        await a.groups.dial(b.key)
        for _ in range(3):
            await asyncio.sleep(0)
    assert len(looks) == 2


async def test_a_port_nobody_listens_on_is_refused(mesh: SmallMesh) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    joint = await a.groups.dial(b.key)
    near, codes = stream(joint, port=99)
    await until(lambda: codes)
    assert codes == [Code.REFUSED]
    near.close()


async def test_messages_reach_the_peer(mesh: SmallMesh) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    joint = await a.groups.dial(b.key)
    assert joint.group.send(7, b"a message", source=1)
    await until(lambda: b.messages)
    assert b.messages == [b"a message"]


async def test_bad_orders_for_the_far_end_are_refused(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = (mesh.node() for _ in range(3))
    link = mesh.end(mesh.link(a, b), b)

    def plan(number: int) -> Plan:
        return Plan(legs=(LegPlan(link=link.number, in_id=number, out_id=number),), owner=b"s")

    b.groups.respond(a.key, bytes(16), 1, Cipher.AES, plan(1000))
    with pytest.raises(InstallError, match="there already"):
        b.groups.respond(a.key, bytes(16), 1, Cipher.AES, plan(1001))
    with pytest.raises(InstallError, match="another pair"):
        b.groups.respond(c.key, bytes(16), 2, Cipher.AES, plan(1002))
    with pytest.raises(InstallError, match="taken"):
        b.groups.respond(a.key, bytes(16), 2, Cipher.AES, plan(1000))
    monkeypatch.setattr(groups_module, "ANSWERED_A_PEER", 1)
    with pytest.raises(InstallError, match="too many groups"):
        b.groups.respond(a.key, b"x" * 16, 1, Cipher.AES, plan(1003))


async def test_many_groups_at_once(mesh: SmallMesh) -> None:
    hub = mesh.node()
    leaves = [mesh.node() for _ in range(12)]
    for leaf in leaves:
        mesh.link(hub, leaf)
    joints = await asyncio.gather(
        *(one.groups.dial(other.key) for one in leaves for other in leaves[:4] if one is not other)
    )
    assert all(joint.open_routes for joint in joints)


async def test_of_many_groups_to_one_peer_the_oldest_idle_ones_go_on_both_sides(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups_module, "DIALLED_A_PEER", 3)
    monkeypatch.setattr(groups_module, "ANSWERED_A_PEER", 4)
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    used = await a.groups.dial(b.key, Policy(group="used"))
    ours, theirs = app_pair()
    used.open(7, theirs, source=50000, over=lambda code: None)
    for number in range(12):
        assert (await a.groups.dial(b.key, Policy(group=str(number)))).open_routes == 1
    assert used in a.groups.joints()
    assert len(a.groups.joints()) == 3
    assert len(b.groups.joints()) <= 4
    ours.close()


async def test_a_group_that_is_dialled_again_outlives_the_end_of_the_old_one(mesh: SmallMesh) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    await a.groups.dial(b.key)
    (old,) = a.groups._dialled.values()
    a.groups._over(old)
    again = await a.groups.dial(b.key)
    old.close()
    await until(lambda: not old.joint.ends)
    assert a.groups.joints() == [again]


async def test_a_peer_that_dials_as_a_new_process_ends_what_its_last_one_had_here(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    old = await a.groups.dial(b.key)
    near, _ = stream(old)
    far = await asyncio.wait_for(b.incoming.get(), 10)
    monkeypatch.setattr(joint_module, "INCARNATION", joint_module.INCARNATION ^ 1)
    new = await a.groups.dial(b.key, Policy(group="of the new process"))
    await until(lambda: [joint.id for joint in b.groups.joints()] == [new.id])
    assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(far, 1), 10) == b""
    near.close()
    far.close()


async def test_a_late_greeting_of_the_last_process_ends_nothing_new(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node(), mesh.node()
    mesh.link(a, b)
    old = await a.groups.dial(b.key)
    await until(lambda: b.groups.joints()[0].group.active is not None)
    late = b.groups.joints()[0]
    new = await a.groups.dial(b.key, Policy(group="another"))
    await until(lambda: b.groups.joints()[1].group.active is not None)
    late.group._failover.peer = 1  # as if it greeted now
    b.groups.switched(late, Left.NONE)
    assert [joint.id for joint in b.groups.joints()] == [old.id, new.id]
