from collections.abc import AsyncIterator

import pytest

from components.mesh.errors import Busy
from components.mesh.ports import AppPort
from components.visor import pinger as pinger_module
from components.visor.pinger import Pinger, Trips
from components.visor.plane.joint import Joint
from tests.support.small_mesh import Node, SmallMesh


def with_pinger(node: Node) -> Pinger:
    pinger = Pinger()

    def message(joint: Joint, port: int, source: int, body: memoryview) -> None:
        if port == AppPort.PING:
            pinger.take(joint, body)

    node.message = message  # type: ignore[method-assign]
    return pinger


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Node, Node]]:
    async with SmallMesh() as mesh:
        one, other = mesh.node(), mesh.node()
        mesh.link(one, other)
        yield one, other


async def test_a_round_trip_is_measured(pair: tuple[Node, Node]) -> None:
    one, other = pair
    pinger, _ = with_pinger(one), with_pinger(other)
    trips = await pinger.ping(await one.groups.dial(other.key), 3, 0.0)
    assert trips.lost == 0
    least, middle, most = trips.figures or (0, 0, 0)
    assert 0 < least <= middle <= most < 2


async def test_what_does_not_come_back_is_lost(
    pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinger_module, "DEADLINE_S", 0.05)
    one, other = pair
    trips = await with_pinger(one).ping(await one.groups.dial(other.key), 2, 0.0)
    assert (trips.count, trips.lost, trips.figures) == (2, 2, None)


async def test_an_answer_counts_only_from_whom_it_was_asked(pair: tuple[Node, Node]) -> None:
    one, other = pair
    joint = await one.groups.dial(other.key)
    pinger = with_pinger(one)
    for body in (b"", b"!", b"!1234567", b"!12345678", b"x12345678", b"!123456789"):
        pinger.take(joint, memoryview(body))
    assert pinger._waiting == {}


async def test_pings_under_way_are_bounded(pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinger_module, "UNDER_WAY", 0)
    one, other = pair
    with pytest.raises(Busy, match="pings"):
        await with_pinger(one).ping(await one.groups.dial(other.key))


def test_trips_are_summed_up() -> None:
    assert Trips(4, (0.3, 0.1, 0.2)).figures == (0.1, 0.2, 0.3)
    assert Trips(4, (0.3, 0.1, 0.2)).lost == 1
