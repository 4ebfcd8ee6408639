"""start of an app that the cluster runs: ordered, waited for, and what is said when it does not come up."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.desired import Cluster, cluster, quick
from tests.support.fake_world import FakeWorld
from tests.support.placed import Filed, filed, placed
from tests.support.verbs import say
from viscript.config.model import Placement
from viscript.errors import ExitCode
from viscript.supervisor.api import AppEntry, Started
from viscript.supervisor.lifecycle import Phase


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    quick(monkeypatch)
    async with cluster(tmp_path, 2) as made:
        yield made


@pytest.fixture
async def one(two: Cluster, tmp_path: Path) -> AsyncIterator[Filed]:
    async with filed(two, tmp_path, "h1") as made:
        yield made


@pytest.fixture
def world(one: Filed) -> FakeWorld:
    """With a file of one app, two of which are to run on the second host."""
    one.says(web=placed(host="h2", autostart=False, placement=Placement(count=2)))
    world = FakeWorld()
    world.desired, world.placing = one.world.desired, one.placing  # type: ignore[attr-defined]  # as a daemon's
    world.fake.apps = one.apps  # type: ignore[method-assign]  # what the file says
    return world


async def test_it_comes_up_where_the_file_says(world: FakeWorld, two: Cluster) -> None:
    said = await say(world, "s web")
    assert said.code == 0, said.err
    assert sorted(said.out.split("\n")) == ["", "[h2/1] web is ready", "[h2/2] web is ready"]
    row = (await say(world, "s web -o json")).json()
    assert (row["app"], row["host"], row["state"]) == ("web", "h2", "ready")
    assert row["id"] in (1, 2)


async def test_it_need_not_be_waited_for(world: FakeWorld, one: Filed) -> None:
    said = await say(world, "s --no-wait web")
    assert "web is ordered; `deploy ls` shows how it stands" in said.out
    assert one.version() == 1


@pytest.mark.parametrize("words", ["s web -- x", "s -n other web", "s -e A=b web", "s -a web"])
async def test_what_is_said_besides_is_for_deploy(world: FakeWorld, one: Filed, words: str) -> None:
    said = await say(world, words)
    assert said.code == ExitCode.USAGE
    assert "`deploy web` orders it otherwise" in said.err
    assert one.version() == 0


async def test_one_that_does_not_come_up_in_time_stays_ordered(world: FakeWorld, one: Filed) -> None:
    one.says(web=placed(host="role=none", autostart=False, start_timeout=0.3))
    said = await say(world, "s web")
    assert said.code == ExitCode.TIMED_OUT
    assert "web/1 is homeless: no host is meant by role=none; the order stands" in said.err


async def test_one_that_ends_for_good_is_told(
    world: FakeWorld, two: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = two.hosts["h2"].apps
    start = apps.start

    async def dies(entry: AppEntry, args: Sequence[str], env: Mapping[str, str]) -> Started:
        started = await start(entry, args, env)
        apps.end(started.instance.seq, Phase.FATAL, "")
        return started

    monkeypatch.setattr(apps, "start", dies)
    said = await say(world, "s web")
    assert said.code == ExitCode.FAILED
    assert "is fatal" in said.err


async def test_another_order_that_holds_is_said(world: FakeWorld, one: Filed) -> None:
    _, ordering = one.world.desired
    await ordering.deploy("web", count=1)
    said = await say(world, "s web")
    assert said.code == ExitCode.FAILED
    assert "it was deployed by hand" in said.err


async def test_what_a_file_says_is_what_deploy_does_without_words(world: FakeWorld, one: Filed) -> None:
    await say(world, "deploy web")
    held = one.one.side.mirror.deployments()["web"]
    assert (held.place, held.count, held.exclusive, held.file) == ("h2", 2, False, b"")
    await say(world, "deploy web --place any --count 1 --spread zone")
    held = one.one.side.mirror.deployments()["web"]
    assert (held.place, held.count, held.exclusive, held.spread) == ("any", 1, True, "zone")


async def test_how_an_app_stands_otherwise_is_listed(world: FakeWorld, one: Filed) -> None:
    one.placing.withheld = {"web": "the file of h2 ordered it first"}
    assert "web does not stand as config.yaml says: the file of h2" in (await say(world, "deploy ls")).err


async def test_an_apply_shows_what_is_ordered(world: FakeWorld, one: Filed, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("apps: {web: {command: /bin/true, autostart: true, host: h2}}\n")
    assert "new; on h2" in (await say(world, f"apply --dry-run {file}")).out
    assert one.version() == 0


async def test_why_it_does_not_run_is_said_where_it_is_looked_for(world: FakeWorld, one: Filed) -> None:
    one.placing.withheld = {"web": "this host belongs to no cluster"}
    world.fake.known.clear()
    said = await say(world, "why web")
    assert said.code == ExitCode.NOT_FOUND
    assert "the cluster is to run it, and does not: this host belongs to no cluster" in said.err
