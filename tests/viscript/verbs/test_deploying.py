"""deploy and what belongs to it, by a host of a cluster in one process."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.desired import Cluster, cluster, quick
from tests.support.fake_world import FakeWorld
from tests.support.verbs import say
from viscript.cluster.desired import ordering
from viscript.cluster.desired.ordering import Ordering
from viscript.errors import ExitCode
from viscript.statestore.api import Txn
from viscript.statestore.errors import Unclear
from viscript.verbs.table import Role


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    quick(monkeypatch)
    async with cluster(tmp_path, 2) as made:
        yield made


@pytest.fixture
def world(two: Cluster) -> FakeWorld:
    h1 = two.hosts["h1"]
    world = FakeWorld()
    world.desired = (h1.side, Ordering(h1.side, h1.identity))
    return world


async def test_an_app_is_ordered_and_comes_up(world: FakeWorld, two: Cluster) -> None:
    said = await say(world, "deploy web --count 2 -e PORT=80 -- one two")
    assert said.code == 0
    assert "2 instances of web on any ordered (version 1)" in said.out
    await two.until(lambda: len(two.where()) == 2)
    managed = next(iter(two.hosts["h1"].apps.up().values()))
    assert managed.args[-2:] == ("one", "two")
    assert managed.env == {"PORT": "80"}


async def test_where_several_may_run_it_it_is_exclusive(world: FakeWorld, two: Cluster) -> None:
    await say(world, "deploy web --place h2")
    await say(world, "deploy apptracker --place h2 --exclusive")
    held = two.hosts["h1"].side.mirror.deployments()
    assert (held["web"].exclusive, held["apptracker"].exclusive) == (False, True)


async def test_how_all_stands_is_listed(world: FakeWorld, two: Cluster) -> None:
    await say(world, "deploy web --place h2")
    await say(world, "deploy apptracker --place role=none")
    await two.until(lambda: two.where())
    await two.until(lambda: two.hosts["h1"].side.mirror.observed())
    rows = (await say(world, "deploy ls -o json")).json()
    assert [(row["app"], row["state"], row["id"]) for row in rows] == [
        ("apptracker", "homeless", ""),
        ("web", "ready", "h2/1"),
    ]
    said = await say(world, "deploy ls web")
    assert "web/1" in said.out
    assert "apptracker" not in said.out


async def test_a_place_that_means_no_host_is_said_at_once(world: FakeWorld, two: Cluster) -> None:
    said = await say(world, "deploy web --place role=none")
    assert (said.code, "no host is role=none now" in said.err) == (0, True)
    assert (await say(world, "deploy web --place h2")).err == ""


async def test_what_is_not_deployed_is_not_found(world: FakeWorld, two: Cluster) -> None:
    for command in ("deploy rm nothing", "deploy restart nothing"):
        assert (await say(world, command)).code == ExitCode.NOT_FOUND


async def test_it_is_started_anew_and_taken_away(world: FakeWorld, two: Cluster) -> None:
    await say(world, "deploy web --place h2")
    await two.until(lambda: two.where())
    begun = len(two.log)
    assert "after the other (version 2)" in (await say(world, "deploy restart web")).out
    await two.until(lambda: len(two.log) == begun + 2)
    assert "taken away" in (await say(world, "deploy rm web")).out
    await two.until(lambda: not two.where())
    said = await say(world, "deploy rm web")
    assert said.code == ExitCode.NOT_FOUND
    assert "not deployed" in said.err


async def test_every_answer_is_what_its_schema_says(world: FakeWorld, two: Cluster) -> None:
    for verb, words in (
        ("deploy", "web"),
        ("deploy ls", ""),
        ("deploy restart", "web"),
        ("deploy rm", "web"),
    ):
        (await say(world, f"{verb} {words} -o json")).valid(verb)


async def test_an_order_for_a_time_ends_with_it(world: FakeWorld, two: Cluster) -> None:
    await say(world, "deploy web --for 1h")
    held = two.hosts["h1"].side.mirror.book.deployment("web")
    assert held is not None
    assert held.body.expires == pytest.approx(world.now() + 3600)


@pytest.mark.parametrize(
    "command,code,words",
    [
        ("deploy wbe", ExitCode.NOT_FOUND, "web"),
        ("deploy web --place 'a b'", ExitCode.USAGE, "--place"),
        ("deploy web --place h9", ExitCode.NOT_FOUND, 'no host "h9"'),
        ("deploy web --count 0", ExitCode.USAGE, "count"),
        ("deploy web --count 5000", ExitCode.USAGE, "1000"),
        ("deploy web -e =1", ExitCode.USAGE, "-e"),
    ],
)
async def test_mistakes_are_said(world: FakeWorld, command: str, code: ExitCode, words: str) -> None:
    said = await say(world, command)
    assert said.code == code
    assert words in said.err


async def test_a_caller_who_may_only_operate_has_an_admins_host_sign_no_program(
    world: FakeWorld, two: Cluster
) -> None:
    said = await say(world, "deploy web", actor="ab" * 32, role=Role.OPERATE)
    assert said.code == 0, said
    held = two.hosts["h1"].side.mirror.book.deployment("web")
    assert held is not None
    assert held.body.entry == b""


async def test_who_may_not_operate_is_told(two: Cluster) -> None:
    viewer = await two.add(role=Role.VIEW)
    world = FakeWorld()
    world.desired = (viewer.side, Ordering(viewer.side, viewer.identity))
    said = await say(world, "deploy web")
    assert said.code == ExitCode.NOT_PERMITTED
    assert "--role operate" in said.err


async def test_with_the_store_away_nothing_is_ordered_and_that_is_said(
    world: FakeWorld, two: Cluster
) -> None:
    await say(world, "deploy web")
    h1 = two.hosts["h1"]
    h1.way.cut()
    said = await say(world, "deploy web --count 2")
    assert said.code == ExitCode.UNREACHABLE
    assert "nothing has changed: cut" in said.err
    await two.put("desired/x", b"")
    await two.until(lambda: h1.side.mirror.fault)
    listed = await say(world, "deploy ls")
    assert "as it was seen last: cut" in listed.err
    assert "web/1" in listed.out
    h1.way.mend()


async def test_an_order_whose_answer_was_lost_is_not_called_undone(
    world: FakeWorld, two: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    h1 = two.hosts["h1"]

    async def lost(*asked: Any, **more: Any) -> Txn:  # Any: as the store has it
        await two.store.txn(*asked, **more)
        raise Unclear("the answer never came")

    monkeypatch.setattr(ordering, "SECONDS", 0.3)
    monkeypatch.setattr(h1.way, "txn", lost, raising=False)
    said = await say(world, "deploy web")
    assert said.code == ExitCode.UNREACHABLE
    assert "may have been given or not: the answer never came" in said.err
    assert "nothing has changed" not in said.err
    await two.until(lambda: "web" in two.hosts["h2"].side.mirror.deployments())


async def test_what_runs_elsewhere_is_named_where_it_is_looked_for(world: FakeWorld, two: Cluster) -> None:
    await say(world, "deploy apptracker --place h2")
    await two.until(lambda: two.hosts["h1"].side.mirror.observed())
    said = await say(world, "why apptracker")
    assert said.code == ExitCode.NOT_FOUND
    assert 'no app named "apptracker" runs here (the cluster runs it as h2/1; `deploy ls` shows' in said.err
    assert "the cluster" not in (await say(world, "why 99")).err
    assert "the cluster" not in (await say(world, "why other")).err
