import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fake_world import NOW, FakeWorld, instance
from tests.support.far_hosts import far_hosts
from tests.support.verbs import visit
from viscript.cluster.far.conversation import Conversation
from viscript.door.notices import summary
from viscript.door.server import Door
from viscript.events import EventLog
from viscript.states import State


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "apptracker"), instance(8, "web", State.BACKOFF))


@pytest.fixture
async def path(world: FakeWorld, short_tmp: Path) -> AsyncIterator[Path]:
    async with Door(world, world.table, short_tmp / "d"):
        yield short_tmp / "d"


def test_the_summary_counts(world: FakeWorld) -> None:
    assert summary(world) == {"host": "here", "running": 1, "failed": 1, "apps": 3, "peers": 0}


async def test_a_subscriber_hears_the_state_then_events_then_changes(world: FakeWorld, path: Path) -> None:
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "subscribe": {"cursor": None}})
        first = await visitor.receive()
        assert first == {"s": summary(world)}
        world.fake.change(7, state=State.FATAL)
        world.events.tell("app.fatal", "app/7", now=NOW, reason="signal 11")
        event = await visitor.receive()
        assert event is not None
        assert (event["ev"]["type"], event["ev"]["reason"]) == ("app.fatal", "signal 11")
        changed = await visitor.receive()
        assert changed is not None
        assert changed["s"]["running"] == 0


async def test_a_subscriber_resumes_at_a_cursor(world: FakeWorld, path: Path) -> None:
    for number in range(3):
        world.events.tell("app.running", f"app/{number}", now=NOW)
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "subscribe": {"cursor": 2}})
        said = [await visitor.receive() for _ in range(3)]
    assert [one["ev"]["cursor"] for one in said[1:] if one] == [2, 3]


async def test_a_subscriber_that_missed_events_is_told_of_the_gap(world: FakeWorld, path: Path) -> None:
    world.events = EventLog("here", kept=2)
    for number in range(5):
        world.events.tell("app.running", f"app/{number}", now=NOW)
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "subscribe": {"cursor": 1}})
        said = [await visitor.receive() for _ in range(3)]
    assert said[1] == {"gap": 4}
    assert said[2] is not None
    assert said[2]["ev"]["cursor"] == 4


async def test_nothing_listens_when_the_subscriber_is_gone(world: FakeWorld, path: Path) -> None:
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "subscribe": {}})
        await visitor.receive()
        assert world.events._listeners
    while world.events._listeners:
        await asyncio.sleep(0.001)


async def test_a_prompt_hears_of_other_hosts_and_counts_them(short_tmp: Path) -> None:
    async with far_hosts(short_tmp, m1=[], m2=[instance(7, "web")]) as hosts:
        assert summary(hosts.first.world)["hosts_up"] == 2
        async with visit(short_tmp / "m1") as visitor:
            await visitor.send({"v": 1, "subscribe": {"cursor": None, "far": True}})
            assert (await visitor.receive() or {})["s"]["hosts_down"] == 0
            while not hosts["m2"].world.events._listeners:
                await asyncio.sleep(0)
            hosts["m2"].world.events.tell("app.fatal", "app/7", now=NOW, reason="exit 1")
            said = await visitor.receive() or {}
            assert (said["far"]["object"], said["far"]["host"]) == ("app/m2/7", "m2")
            hosts["m2"].lose()
            hosts.first.world.events.tell("host.gone", "host/m3", now=NOW)
            assert "ev" in (await visitor.receive() or {})
            assert (await visitor.receive() or {})["s"]["hosts_down"] == 1


async def test_who_comes_from_another_host_hears_of_this_one_only(short_tmp: Path) -> None:
    async with far_hosts(short_tmp, m1=[], m2=[], m3=[]) as hosts:
        stream = await hosts.links.open(hosts["m2"].facts.key, "door", 5.0)
        talk = Conversation(stream, hosts["m2"].facts)
        await talk.ask({"subscribe": {"cursor": None, "far": True}})
        while (await talk.answer() or {}).get("s") is None:
            pass
        assert not hosts["m3"].streams
