"""Paths are told in words, with how long each hop takes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.mesh.errors import Unreachable
from components.mesh.forms import EdgeStatus, Told
from components.mesh.services import Services
from components.visor.groups.path import Policy
from components.visor.node import latencies as module
from components.visor.node.answers import Answers
from components.visor.node.latencies import Latencies, told_rtt_s
from components.visor.node.node import Node
from tests.support.nodes import Mesh, mesh, row, until


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


async def measured(nodes: list[Node]) -> tuple[Told, ...]:
    """Until the node manager knows how far apart all neighbours are."""
    services = nodes[0].network.services
    assert services is not None
    async with asyncio.timeout(15):
        while True:
            told = await services.all_transports()
            if len(told) == len(nodes) - 1 and all(one.is_up and told_rtt_s(one) for one in told):
                return told
            await asyncio.sleep(0.02)


async def test_each_hop_is_named_with_its_latency(made: Mesh) -> None:
    await made.serve_manager()
    await made.serve_setup_node()
    one, joe, eve = await row(made, 3)
    one.book.name(joe.key, "joe")
    one.book.name(eve.key, "eve")
    await measured([one, joe, eve])
    answers = Answers(one)
    trip = await answers.ping("eve")
    (found,) = await answers.ways.find_route("eve")
    (route,) = await answers.ways.routes()
    by_peer = {each["label"]: each for each in await answers.peers()}
    for line in (trip, found, route, by_peer["eve"]):
        assert (line["path"], line["hop_names"]) == ("by joe", ["joe", "eve"])
        assert [0 < latency < 5 for latency in line["latencies_seconds"]] == [True, True]
    assert (by_peer["joe"]["path"], by_peer["joe"]["hop_names"]) == ("neighbour", ["joe"])
    assert by_peer["joe"]["latencies_seconds"] == [by_peer["joe"]["rtt_seconds"]]
    (theirs,) = await Answers(eve).ways.routes()
    assert (theirs["path"], theirs["hop_names"], theirs["latencies_seconds"]) == ("dialled by it", [], [])


async def test_a_hop_that_nobody_measured_has_no_latency(made: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    await made.serve_manager()
    one, joe, eve = await row(made, 3)
    await measured([one, joe, eve])
    (path,) = await one.network.paths(eve.key, Policy(), 1)
    one.network.atlas = None  # no copy of the transports either
    asked = 0

    async def away(*_: object) -> Told:
        nonlocal asked
        asked += 1
        raise Unreachable("http://127.0.0.1:1", "away")

    monkeypatch.setattr(Services, "transport", away)
    latencies = Latencies(one)
    for _ in range(2):
        ((first, second),) = await latencies.of(path)
        assert first is not None
        assert second is None
    assert asked == 1, "what came of it is remembered"


async def test_a_node_manager_that_hangs_holds_up_no_answer(
    made: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made.serve_manager()
    one, joe, eve = await row(made, 3)
    await measured([one, joe, eve])
    (path,) = await one.network.paths(eve.key, Policy(), 1)
    one.network.atlas = None  # no copy of the transports either

    async def hangs(*_: object) -> Told:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Services, "transport", hangs)
    monkeypatch.setattr(module, "ASKED_S", 0.01)
    monkeypatch.setattr(module, "KEPT_MOST", 0)
    ((_, second),) = await Latencies(one).of(path)
    assert second is None


async def test_a_neighbour_is_measured_within_a_second(made: Mesh) -> None:
    one, _ = await row(made, 2)
    await until(lambda: one.links.rows()[0].rtt_seconds is not None, 1.0)


def test_the_longer_of_what_both_ends_say_is_told() -> None:
    def told(*rtts: int) -> Told:
        first, second = (EdgeStatus(rtt_us=rtt) for rtt in rtts)
        fields = {"entry": None, "signatures": ("", ""), "is_up": True, "registered": 0, "expires_s": 1}
        return Told(**fields, statuses=(first, second))  # type: ignore[arg-type]

    assert (told_rtt_s(told(0, 0)), told_rtt_s(told(2000, 0)), told_rtt_s(told(2000, 3000))) == (
        None,
        0.002,
        0.003,
    )
