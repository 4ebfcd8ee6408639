from collections.abc import Mapping

import msgspec
import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.states import State
from viscript.supervisor.api import Tree, Usage


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


async def test_the_biggest_come_first_when_asked(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = world.usage.fresh

    async def sampled(names: Mapping[int, str]) -> list[Usage]:
        grown = Tree(cpu_percent=90.0, rss_bytes=1 << 30, processes=9)
        return [
            msgspec.structs.replace(row, tree=grown if row.id == 8 else row.tree)
            for row in await fresh(names)
        ]

    monkeypatch.setattr(world.usage, "fresh", sampled)
    assert (await say(world, "ru -o name")).out == "7\n8\n"
    for column in ("cpu", "rss"):
        assert (await say(world, f"ru --sort {column} -o name")).out == "8\n7\n"
    assert (await say(world, "ru --sort colour")).code == ExitCode.USAGE


async def test_what_does_not_run_uses_nothing(world: FakeWorld) -> None:
    assert (await say(world, "ru 9")).code == ExitCode.NOT_HEALTHY
    said = await say(world, "ru 7 9")
    assert (said.code, said.err) == (ExitCode.NOT_HEALTHY, "[9] old is not running (backoff)\n")


async def test_what_to_ask_next_has_the_host_in_front_for_a_caller_elsewhere(world: FakeWorld) -> None:
    said = await say(world, "ru 9", called="beta")
    assert "why beta/9" in said.err


async def test_people_are_told_how_old_dear_figures_are(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = world.usage.fresh

    async def sampled(names: Mapping[int, str]) -> list[Usage]:
        return [msgspec.structs.replace(row, kept_seconds=1.4) for row in await fresh(names)]

    monkeypatch.setattr(world.usage, "fresh", sampled)
    said = await say(world, "ru")
    assert (said.code, said.err.count("up to 1.4s old")) == (ExitCode.DONE, 1)
    said = await say(world, "ru -o json")
    assert (said.err, said.json()[0]["kept_seconds"]) == ("", 1.4)
