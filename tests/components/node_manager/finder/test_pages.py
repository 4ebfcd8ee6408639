"""The route finder over HTTP: what it knows is never older than the transports."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from components.mesh.keys import hex66
from components.node_manager import limits
from components.node_manager.finder import pages, search
from tests.support.manager import Manager, down, link, managing, person

ONE, TWO, THREE = person(1), person(2), person(3)
A, B, C = (hex66(who.public_key) for who in (ONE, TWO, THREE))
ASKED = {"Edges": [[A, C]]}


@pytest.fixture
async def manager() -> AsyncIterator[Manager]:
    async with managing() as running:
        for one, other in ((ONE, TWO), (TWO, THREE), (ONE, THREE)):
            assert (await running.signed(one, "POST", "/transports/", [link(one, other)]))[0] == 201
        yield running


async def hops(manager: Manager, **options: object) -> list[int]:
    status, answer = await manager.ask("POST", "/routes", {**ASKED, "Opts": options})
    return [len(route) for route in answer[f"{A}:{C}"]] if status == 200 else []


async def test_routes_are_found_in_the_modern_shape(manager: Manager) -> None:
    assert await hops(manager) == [1, 2]
    assert await hops(manager, MinHops=2) == [2]
    assert await hops(manager, Hops=[B], Weight="rtt") == [2]
    assert await hops(manager, Count=1, Weight="throughput") == [1]


async def test_routes_are_found_in_the_old_shape(manager: Manager) -> None:
    _, words = await manager.ask("GET", f"/routes?src={A}&dst={C}&max_hops=1")
    assert [len(route) for route in words["forward"]] == [1]
    data = {"src_pk": A, "dst_pk": C, "max_hops": 1}
    assert (await manager.ask("GET", "/routes", data))[1] == words
    assert (await manager.ask("GET", f"/routes?src={A}"))[0] == 400


async def test_a_transport_that_goes_down_is_in_no_route_from_then_on(manager: Manager) -> None:
    assert await hops(manager) == [1, 2]
    await manager.signed(THREE, "POST", "/statuses", [down(link(ONE, THREE))])
    assert await hops(manager) == [2]
    await manager.signed(TWO, "DELETE", f"/transports/id:{link(ONE, TWO).entry.t_id}")
    assert await hops(manager) == []


async def test_a_transport_that_was_not_renewed_is_in_no_route(manager: Manager) -> None:
    assert await hops(manager) == [1, 2]
    manager.now += limits.LEASE_S
    assert await hops(manager) == []


async def test_figures_are_noticed_after_a_while(manager: Manager) -> None:
    assert await hops(manager, Weight="rtt", Count=1) == [1]
    for one, other, rtt_us in ((ONE, THREE, 90_000), (ONE, TWO, 10), (TWO, THREE, 10)):
        told = {"t_id": link(one, other).entry.t_id, "is_up": True, "rtt_us": rtt_us}
        assert (await manager.signed(one, "POST", "/statuses", [told]))[0] == 200
    manager.now += pages.STALE_S + 1
    assert await hops(manager, Weight="rtt", Count=1) == [2]


async def test_where_there_is_no_route_the_answer_is_404_and_says_why(manager: Manager) -> None:
    status, answer = await manager.ask("POST", "/routes", {**ASKED, "Opts": {"MinHops": 3}})
    assert (status, answer["error"]["kind"]) == (404, "route")
    assert "with 3 to 15 hops" in answer["error"]["message"]


async def test_a_request_that_cannot_be_is_refused(manager: Manager) -> None:
    for options in ({"MinHops": 20}, {"Hops": ["x" * 66]}, {"Count": 99}, {"minhops": 1}):
        assert (await manager.ask("POST", "/routes", {**ASKED, "Opts": options}))[0] == 400


async def test_too_many_searches_are_refused(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_SEARCHES", 0)
    status, answer = await manager.ask("POST", "/routes", ASKED)
    assert (status, answer["error"]["kind"]) == (503, "busy")


async def test_a_search_that_takes_too_long_is_given_up(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAIT_S", 0.05)
    go = threading.Event()
    monkeypatch.setattr(search, "answer", lambda graph, asked: {"waited": go.wait(20)})
    status, answer = await manager.ask("POST", "/routes", ASKED)
    assert (status, answer["error"]["kind"]) == (503, "busy")
    go.set()


async def test_a_hard_search_keeps_nobody_else_waiting(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(search, "answer", lambda graph, asked: {"waited": go.wait(20)})
    async with asyncio.TaskGroup() as tasks:
        searching = tasks.create_task(manager.ask("POST", "/routes", ASKED))
        assert (await manager.ask("GET", f"/transports/edge:{A}"))[0] == 200
        assert not searching.done()
        go.set()
        assert await searching == (200, {"waited": True})
