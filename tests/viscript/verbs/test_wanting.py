import pytest

from tests.support.fake_world import FakeWorld, entry, instance
from tests.support.verbs import say
from viscript.config.model import Schedule
from viscript.errors import ExitCode
from viscript.states import State


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "web"), instance(8, "bad", State.FATAL), instance(9, "db", State.BACKOFF))


async def test_enable_and_disable_are_kept(world: FakeWorld) -> None:
    await say(world, "disable 7")
    assert not world.fake.instance(7).enabled
    assert (await say(world, "enable all -o json")).json()[0] == {"id": 7, "name": "web", "enabled": True}


async def test_failures_are_forgotten(world: FakeWorld) -> None:
    said = await say(world, "cf")
    assert said.out == "[8] bad is stopped\n[9] db is stopped\n"


async def test_scale_starts_what_lacks_and_stops_the_newest(world: FakeWorld) -> None:
    assert [row["id"] for row in (await say(world, "scale web 3 -o json")).json()] == [7, 10, 11]
    assert [row["id"] for row in (await say(world, "scale web 1 -o json")).json()] == [7]
    assert (await say(world, "scale wbe 1")).code == ExitCode.NOT_FOUND
    assert (await say(world, "scale bad 1")).code == ExitCode.FAILED
    assert "1000 at most" in (await say(world, "scale web 1001", actor="ab" * 32)).err


async def test_dependencies_are_edges(world: FakeWorld) -> None:
    assert (await say(world, "deps -o json")).json() == [
        {"app": "web", "on": "apptracker", "condition": "ready", "starts": True}
    ]
    assert (await say(world, "deps bad -o json")).json() == []
    assert (await say(world, "deps nope")).code == ExitCode.NOT_FOUND


async def test_of_a_schedule_it_is_said_that_it_runs_by_it_or_not() -> None:
    world = FakeWorld(instance(7, "job", State.DONE, entry=entry("job", schedule=Schedule(every=60.0))))
    assert (await say(world, "disable 7")).out == "[7] job does not run by its schedule\n"
    assert (await say(world, "enable 7")).out == "[7] job runs by its schedule\n"
