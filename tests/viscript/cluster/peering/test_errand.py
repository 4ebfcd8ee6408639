"""A command for another cluster from a host that is not the gateway."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from signal_bus.ids import PublicKey
from tests.support.clusters import End, Side, stream, two_clusters
from tests.support.paired import until
from tests.support.rosters import host
from viscript.cluster.links.api import Caller, HostAway, HostState, Reach, StreamRefused
from viscript.cluster.peering.errand import Came, Errand, run, send, serve
from viscript.cluster.peering.framing import BadOrder, framed
from viscript.cluster.peering.gateway import Gateway
from viscript.cluster.peering.terms import Ask, Share
from viscript.daemon.tasks import Tasks
from viscript.errors import ExitCode, VerbError
from viscript.verbs.core import builtin
from viscript.verbs.table import Role

A, B = host(1), host(2)
TABLE = builtin()
LA = Ask(selector="@all", argv=("la",), timeout=5.0)
RESTART = Ask(selector="a", argv=("restart", "web"), timeout=60.0)


def admin(number: int, **facts: object) -> HostState:
    given = {"label": f"m{number}", "key": key(number), "state": Reach.UP, "role": Role.ADMIN}
    return HostState(**{**given, **facts})  # type: ignore[arg-type]  # any field


def key(number: int) -> PublicKey:
    return PublicKey(bytes([number]) * 32)


class Members:
    """The links of a member; each admin is a gateway, an other host, or answers with what it is given."""

    trouble = ""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks
        self.role = Role.ADMIN
        self.rows = [replace(admin(9), local=True)]
        self.gateways: dict[PublicKey, Gateway | Exception | bytes | None] = {}
        self.opened: list[PublicKey] = []

    def add(self, number: int, gateway: Gateway | Exception | bytes | None = None, **facts: object) -> None:
        self.rows.append(admin(number, **facts))
        self.gateways[key(number)] = gateway

    def hosts(self) -> list[HostState]:
        return self.rows

    def serve(self, kind: str, handler: object) -> None:
        raise AssertionError

    def on_change(self, callback: object) -> object:
        raise AssertionError

    async def open(self, key: PublicKey, kind: str, deadline: float, meta: object = None) -> End:
        assert kind == "abroad"
        self.opened.append(key)
        there = self.gateways[key]
        if isinstance(there, HostAway):
            raise there
        near, far = stream()
        if isinstance(there, Exception | bytes):
            near._inbox.put_nowait(there)
            return near
        self.tasks.run(self._served(there, far))
        return near

    async def _served(self, gateway: Gateway | None, far: End) -> None:
        await serve(gateway, TABLE, far, Caller(key=key(9), label="m9", role=self.role))
        await far.close()


class World:
    """b is a peer of a; `members` are those of b."""

    def __init__(self, a: Side, b: Side, members: Members) -> None:
        self.a, self.b, self.members = a, b, members

    async def send(self, ask: Ask = LA, cluster: str = "ay", known: PublicKey | None = None) -> Came:
        came, self.by = await send(self.members, Errand(cluster=cluster, ask=ask), known)  # type: ignore[arg-type]  # in memory
        return came


@pytest.fixture
async def world(short_tmp: Path) -> AsyncIterator[World]:
    async with two_clusters(short_tmp, A, B) as (a, b), Tasks() as tasks:
        share = Share(apps=("web",), role=Role.OPERATE)
        await a.gateway.tell(await a.gateway.consent(b.key_of, share))
        await b.gateway.tell(await b.gateway.consent(a.key_of, Share(), name="ay"))
        yield World(a, b, Members(tasks))


async def test_the_admins_are_asked_in_turn_who_has_the_key(world: World) -> None:
    members = world.members
    members.add(1)
    members.add(2, HostAway("m2", key(2), "gone"))
    members.add(3, StreamRefused("unsupported", "an older version"))
    members.add(4, world.b.gateway)
    members.add(5, world.b.gateway, role=Role.OPERATE)
    members.add(6, world.b.gateway, state=Reach.DOWN)
    came = await world.send()
    assert (came.called, came.key, world.by) == ("ay", A.public_key, key(4))
    assert came.answer is not None
    assert [row.host for row in came.answer.rows] == ["a", "a-2"]
    assert members.opened == [key(number) for number in (1, 2, 3, 4)]
    await world.send(known=key(4))
    assert members.opened[4:] == [key(4)]


async def test_when_no_host_has_the_key_it_is_said_who_is_away(world: World) -> None:
    world.members.add(1)
    world.members.add(6, world.b.gateway, state=Reach.DOWN)
    with pytest.raises(VerbError, match="m6 cannot be asked now") as raised:
        await world.send()
    assert raised.value.code is ExitCode.UNREACHABLE


async def test_nobody_does_elsewhere_what_he_may_not_do_at_home(world: World) -> None:
    world.members.add(1, world.b.gateway)
    world.members.role = Role.VIEW
    assert (await world.send()).answer is not None
    came = await world.send(RESTART)
    assert (came.code, came.answer, "the role operate in this cluster" in came.text) == (7, None, True)
    assert (await world.send(Ask(selector="@all", argv=("hosts",), timeout=5.0))).code == 7
    assert world.a.here.world.fake.asked == []
    world.members.role = Role.OPERATE
    assert (await world.send(RESTART)).answer is not None


async def test_what_the_gateway_cannot_do_is_told(world: World) -> None:
    world.members.add(1, world.b.gateway)
    came = await world.send(cluster="nobody")
    assert (came.code, "no cluster" in came.text) == (5, True)
    world.a.gateway.gate.close()
    assert (await world.send()).code == 4


@pytest.mark.parametrize("there", [StreamRefused("failed", "a fault"), b"nonsense", b""])
async def test_when_a_gateway_dies_meanwhile_nobody_else_is_asked(world: World, there: object) -> None:
    world.members.add(1, there)  # type: ignore[arg-type]  # one of them
    world.members.add(2, world.b.gateway)
    with pytest.raises(VerbError, match="did not say what came of it"):
        await world.send()
    assert world.members.opened == [key(1)]


async def test_it_is_given_up_when_the_member_hangs_up(world: World) -> None:
    world.a.here.world.fake.hold = asyncio.Event()
    near, far = stream()
    serving = world.members.tasks.run(
        serve(world.b.gateway, TABLE, far, Caller(key=key(9), label="m9", role=Role.ADMIN))
    )
    await near.write(framed(Errand(cluster="ay", ask=RESTART)))
    await until(lambda: bool(world.a.here.world.fake.asked))
    await near.close("left", "")
    await serving
    await until(lambda: not world.a.gateway._asked)
    assert world.a.here.world.fake.finished == []


async def test_what_is_no_errand_is_refused(world: World) -> None:
    near, far = stream()
    await near.write(framed(Came()))
    with pytest.raises(BadOrder):
        await serve(world.b.gateway, TABLE, far, Caller(key=key(9), label="m9", role=Role.ADMIN))


async def test_at_the_gateway_itself_it_is_asked_at_once(world: World) -> None:
    came = await run(world.b.gateway, TABLE, Errand(cluster=A.name[:12], ask=LA), Role.ADMIN)
    assert came.answer is not None
    assert len(msgspec.json.decode(came.answer.rows[0].out)) == 1
