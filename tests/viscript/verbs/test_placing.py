"""host drain, pause and resume; mv."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.support.desired import Cluster, cluster, quick
from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript.cluster.desired.ordering import Ordering
from viscript.cluster.desired.record import Mode
from viscript.errors import ExitCode
from viscript.states import State
from viscript.statestore.errors import Unclear


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    quick(monkeypatch)
    async with cluster(tmp_path, 2) as made:
        yield made


@pytest.fixture
def world(two: Cluster) -> FakeWorld:
    h1 = two.hosts["h1"]
    world = FakeWorld(instance(7, "web"))
    world.desired = (h1.side, Ordering(h1.side, h1.identity))
    return world


@pytest.mark.parametrize(
    "verb,mode,words",
    [
        ("drain", Mode.DRAINED, "gives up"),
        ("pause", Mode.PAUSED, "nothing more"),
        ("resume", Mode.NORMAL, "takes work again"),
    ],
)
async def test_a_host_takes_work_or_not(
    world: FakeWorld, two: Cluster, verb: str, mode: Mode, words: str
) -> None:
    said = await say(world, f"host {verb} h2")
    assert words in said.out
    assert two.hosts["h1"].side.mirror.book.mode(two.hosts["h2"].key) is mode


async def test_what_was_started_by_hand_moves_under_a_new_id_that_says_from_where(
    world: FakeWorld, two: Cluster
) -> None:
    said = await say(world, "mv 7 h2")
    assert said.code == 0, said.err
    assert world.fake.known[7].state is State.STOPPED
    await two.until(lambda: two.where() == {1: "h2"})
    (managed,) = two.hosts["h2"].apps.up().values()
    told = managed.entry.deployed
    assert told is not None
    assert told.moved_from == "here/7"
    assert managed.entry.name == "web"
    assert told.fence == 0


async def test_what_has_a_name_of_its_own_keeps_it_on_the_other_host(world: FakeWorld, two: Cluster) -> None:
    world.fake.known[7] = msgspec.structs.replace(world.fake.known[7], name="shop")
    assert (await say(world, "mv 7 h2")).code == 0
    await two.until(lambda: two.where("shop") == {1: "h2"})
    (managed,) = two.hosts["h2"].apps.up().values()
    assert managed.entry.name == "shop"


async def test_what_is_deployed_is_pinned(world: FakeWorld, two: Cluster) -> None:
    await say(world, "deploy web")
    await two.until(lambda: two.where())
    holder = two.hosts[two.where()[1]]
    other = next(label for label in two.hosts if label != holder.label)
    told = holder.apps.held()["web", 1].entry
    item = world.fake.known[7]
    world.fake.known[7] = msgspec.structs.replace(item, entry=told)
    said = await say(world, f"mv 7 {other}")
    assert f"web/1 goes to {other}" in said.out
    await two.until(lambda: two.where() == {1: other})


async def test_the_one_instance_of_an_app_is_moved_by_its_name_from_anywhere(
    world: FakeWorld, two: Cluster
) -> None:
    await say(world, "deploy apptracker")
    await two.until(lambda: two.where("apptracker"))
    other = next(label for label in two.hosts if label != two.where("apptracker")[1])
    assert f"apptracker goes to {other}" in (await say(world, f"mv apptracker {other}")).out
    await two.until(lambda: two.where("apptracker") == {1: other})


async def test_what_is_for_one_host_is_for_the_other_from_then_on(world: FakeWorld, two: Cluster) -> None:
    def runs_on() -> list[str]:  # for a moment on both: nothing asked for one at a time
        return [label for label, one in two.hosts.items() if ("apptracker", 1) in one.apps.up()]

    async def moved(host: str) -> None:
        said = await say(world, f"mv apptracker {host} -o json")
        assert said.json()["place"] == host
        await two.until(lambda: runs_on() == [host])

    await say(world, "deploy apptracker --place h1")
    await two.until(lambda: runs_on() == ["h1"])
    await moved("h2")
    await moved("h1")


async def test_nothing_goes_to_a_host_that_takes_nothing(world: FakeWorld, two: Cluster) -> None:
    await say(world, "host pause h2")
    said = await say(world, "mv 7 h2")
    assert (said.code, "it is paused: host resume h2" in said.err) == (ExitCode.FAILED, True)
    await two.hosts["h2"].die()
    await two.until(lambda: two.hosts["h2"].key not in two.hosts["h1"].side.mirror.alive())
    said = await say(world, "mv 7 h2")
    assert (said.code, "h2 is away" in said.err) == (ExitCode.UNREACHABLE, True)
    assert world.fake.known[7].state is State.RUNNING


async def test_what_cannot_be_ordered_there_runs_on_here(world: FakeWorld, two: Cluster) -> None:
    two.hosts["h1"].way.cut()
    said = await say(world, "mv 7 h2")
    assert said.code == ExitCode.UNREACHABLE
    assert world.fake.known[7].state is State.RUNNING
    two.hosts["h1"].way.mend()


async def test_what_may_have_been_ordered_there_is_not_started_here_again(
    world: FakeWorld, two: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise Unclear("no answer")

    monkeypatch.setattr(Ordering, "deploy", lost)
    said = await say(world, "mv 7 h2")
    assert said.code == ExitCode.UNREACHABLE
    assert "may have been given or not" in said.err
    assert world.fake.known[7].state is State.STOPPED


async def test_what_has_that_name_in_the_cluster_already_is_not_replaced(
    world: FakeWorld, two: Cluster
) -> None:
    await say(world, "deploy web --place h1")
    said = await say(world, "mv 7 h2")
    assert "deployed already" in said.err
    assert world.fake.known[7].state is not State.STOPPED


async def test_an_app_of_a_plugin_under_another_name_stays(world: FakeWorld, two: Cluster) -> None:
    item = world.fake.known[7]
    entry = msgspec.structs.replace(item.entry, source="plugin web")
    world.fake.known[7] = msgspec.structs.replace(item, name="shop", entry=entry)
    said = await say(world, "mv 7 h2")
    assert (said.code, "start --host h2 web -n shop" in said.err) == (ExitCode.FAILED, True), said
    assert world.fake.known[7].state is not State.STOPPED
    world.fake.known[7] = msgspec.structs.replace(world.fake.known[7], name="web")
    assert (await say(world, "mv 7 h2")).code == 0


async def test_what_joined_by_itself_stays(world: FakeWorld) -> None:
    item = world.fake.known[7]
    entry = msgspec.structs.replace(item.entry, source="external")
    world.fake.known[7] = msgspec.structs.replace(item, entry=entry)
    assert "joined by itself" in (await say(world, "mv 7 h2")).err


async def test_every_answer_is_what_its_schema_says(world: FakeWorld, two: Cluster) -> None:
    for verb in ("host drain", "host pause", "host resume"):
        (await say(world, f"{verb} h2 -o json")).valid(verb)
    (await say(world, "mv 7 h2 -o json")).valid("mv")
