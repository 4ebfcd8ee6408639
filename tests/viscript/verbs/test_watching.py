import asyncio

import pytest

from tests.support.fake_world import NOW, FakeWorld, instance
from tests.support.verbs import Sink, say
from viscript.errors import ExitCode
from viscript.events import EventLog, Gap
from viscript.states import State
from viscript.verbs.run import Context, run
from viscript.verbs.watching import Follower, event_line


@pytest.fixture
def world() -> FakeWorld:
    world = FakeWorld(instance(7, "web"), instance(8, "db", State.STOPPED))
    for number in range(30):
        world.events.tell("app.running", "app/7", now=NOW - 30 + number)
    world.events.tell("app.fatal", "app/8", now=NOW, reason="signal 11", actor="local")
    return world


async def test_the_newest_are_shown(world: FakeWorld) -> None:
    assert len((await say(world, "ev -o json")).json()) == 20
    assert len((await say(world, "ev -n 3 -o json")).json()) == 3
    assert (await say(world, "ev -n 0 -o json")).json() == []


async def test_events_have_the_published_fields(world: FakeWorld) -> None:
    said = await say(world, "ev -n 1 -o jsonl")
    assert set(said.json()) == {"cursor", "time", "host", "object", "type", "reason", "actor", "data"}


@pytest.mark.parametrize(
    "options, count",
    [("8", 1), ("7", 20), ("--type app.fatal", 1), ("--since 5s", 6), ("--cursor 30", 2), ("daemon", 0)],
)
async def test_events_may_be_chosen(world: FakeWorld, options: str, count: int) -> None:
    assert len((await say(world, f"ev {options} -o json")).json()) == count


async def test_a_cursor_that_is_gone_is_told(world: FakeWorld) -> None:
    world.events = EventLog("here", kept=1)
    world.events.tell("app.running", "app/7", now=NOW)
    world.events.tell("app.running", "app/7", now=NOW)
    said = await say(world, "ev --cursor 1")
    assert (said.code, "events --cursor 2" in said.err) == (ExitCode.NOT_FOUND, True)


async def test_following_shows_what_comes(world: FakeWorld) -> None:
    sink = Sink()
    context = Context(table=world.table, world=world, sink=sink)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(["ev", "-f", "-n", "1", "8"], context))
        while not sink.outs:
            await asyncio.sleep(0.001)
        world.events.tell("app.running", "app/7", now=NOW)
        world.events.tell("app.running", "app/8", now=NOW, reason="by hand")
        while len(sink.outs) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
    assert "app/8  app.fatal: signal 11 by local" in sink.outs[0]
    assert sink.outs[1].endswith("app/8  app.running: by hand\n")
    assert not world.events._listeners


async def test_a_follower_misses_nothing_the_log_still_holds() -> None:
    log = EventLog("here", kept=3)
    follower = Follower(log)
    for number in range(5):
        log.tell("app.running", f"app/{number}", now=NOW)
    with pytest.raises(Gap) as caught:
        await follower.next()
    assert caught.value.oldest == 3
    assert [event.cursor for event in await follower.next()] == [3, 4, 5]
    follower.close()


def test_an_event_is_one_line() -> None:
    event = EventLog("here").tell("app.fatal", "app/7", now=NOW, reason="signal 11")
    assert event_line(event).endswith("app/7  app.fatal: signal 11")
