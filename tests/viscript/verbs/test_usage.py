import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.states import State


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "web"), instance(8, "db"), instance(9, "old", State.BACKOFF))


async def test_usage_is_always_a_list(world: FakeWorld) -> None:
    (row,) = (await say(world, "ru 7 -o json")).json()
    assert (row["id"], row["rss_bytes"]) == (7, 1048576)
    assert row["tree"] == {"cpu_percent": 3.0, "rss_bytes": 2097152, "processes": 2}


async def test_without_a_target_all_that_run(world: FakeWorld) -> None:
    said = await say(world, "ru -o name")
    assert (said.code, said.out) == (0, "7\n8\n")


async def test_the_tree_has_its_own_columns(world: FakeWorld) -> None:
    assert "PROCESSES" in (await say(world, "ru --tree")).out
    assert "tree rss" in (await say(world, "ru")).out.lower()


async def test_what_does_not_run_uses_nothing(world: FakeWorld) -> None:
    assert (await say(world, "ru 9")).code == ExitCode.NOT_HEALTHY
    said = await say(world, "ru 7 9")
    assert (said.code, said.err) == (ExitCode.NOT_HEALTHY, "[9] old is not running (backoff)\n")
