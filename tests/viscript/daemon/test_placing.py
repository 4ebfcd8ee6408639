"""What a file has the cluster run: ordered once, changed by whose file it is, taken away with its block."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.desired import Cluster, cluster, quick
from tests.support.fake_world import instance
from tests.support.placed import Filed, filed, placed
from viscript.cluster.desired.ordering import Ordering
from viscript.config.model import Placement
from viscript.daemon import placing as module
from viscript.daemon.placing import FILED, Placing, _names
from viscript.store.memory import Memory
from viscript.supervisor.api import FAILED
from viscript.verbs.table import Role


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
async def other(two: Cluster, tmp_path: Path) -> AsyncIterator[Filed]:
    async with filed(two, tmp_path, "h2") as made:
        yield made


async def test_what_the_file_says_is_ordered_once(one: Filed, two: Cluster) -> None:
    one.says(web=placed(host="h2"))
    assert await one.settle() == {"web": ("add", "new; on h2")}
    assert await one.settle() == {"web": ("unchanged", "ordered on h2")}
    assert one.told("order.given") == ["new; on h2"]
    assert one.version() == 1
    await two.until(lambda: two.where() == {1: "h2"})


async def test_a_block_that_changes_changes_the_order_and_what_was_moved_stays_moved(
    one: Filed, two: Cluster
) -> None:
    one.says(web=placed())
    await one.settle()
    await Ordering(one.one.side, one.one.identity).move("web", 1, two.hosts["h2"].key)
    assert await one.settle() == {"web": ("unchanged", "ordered on any")}
    one.says(web=placed("/bin/false", settle=2.0))
    assert await one.settle() == {"web": ("update", "changed: program")}
    held = one.one.side.mirror.deployments()["web"]
    assert held.pins == {1: two.hosts["h2"].key}
    one.says(web=placed("/bin/false", settle=2.0, placement=Placement(count=2, spread="zone")))
    assert await one.settle() == {"web": ("update", "changed: count, spread")}
    assert one.one.side.mirror.deployments()["web"].pins == {}


async def test_a_block_that_goes_takes_its_app_away(one: Filed) -> None:
    one.says(web=placed(), own=placed(host=None))
    await one.settle()
    one.says(own=placed(host=None))
    assert await one.settle() == {"web": ("stop", "removed from the file")}
    assert not one.one.side.mirror.deployments()
    assert await one.settle() == {}
    one.says(web=placed())
    assert (await one.settle())["web"][0] == "add"


async def test_a_file_without_apps_takes_nothing_away(one: Filed) -> None:
    one.says(web=placed())
    await one.settle()
    one.says()
    assert await one.settle() == {}
    assert "web" in one.one.side.mirror.deployments()


async def test_the_first_of_two_files_holds_until_it_lets_go(one: Filed, other: Filed, two: Cluster) -> None:
    one.says(web=placed())
    other.says(web=placed("/bin/false"))
    await one.settle()
    await two.until(lambda: other.version() == 1)
    why = "the file of h1 ordered it first, with another program; that holds"
    for _ in range(2):
        assert await other.settle() == {"web": ("unchanged", why)}
    assert other.told("order.withheld") == [why]
    assert other.placing.withheld == {"web": why}
    one.says(own=placed(host=None))
    await one.settle()
    await two.until(lambda: other.version() == 2)
    assert await other.settle() == {"web": ("add", "new; on any")}
    assert other.placing.withheld == {}


async def test_two_files_that_say_the_same_give_one_order(one: Filed, other: Filed, two: Cluster) -> None:
    for each in (one, other):
        each.says(web=placed())
    await one.settle()
    await two.until(lambda: other.version() == 1)
    assert await other.settle() == {"web": ("unchanged", "ordered on any")}
    assert other.version() == 1


async def test_of_two_that_order_at_once_one_is_left(one: Filed, other: Filed) -> None:
    one.says(web=placed())
    other.says(web=placed("/bin/false"))
    other.one.side.mirror.book.offer = lambda *_: ""  # type: ignore[method-assign]  # it has not heard yet
    await one.settle()
    del other.one.side.mirror.book.offer
    action, reason = (await other.settle())["web"]
    assert (action, "that holds" in reason) == ("unchanged", True)


async def test_what_was_taken_away_by_hand_stays_away_until_the_file_is_applied(one: Filed) -> None:
    one.says(web=placed())
    await one.settle()
    await Ordering(one.one.side, one.one.identity).remove("web")
    assert await one.settle() == {"web": ("unchanged", "it was taken away by hand; `apply` orders it again")}
    assert await one.settle(again=True) == {"web": ("add", "new; on any")}


async def test_an_order_by_hand_holds(one: Filed) -> None:
    await Ordering(one.one.side, one.one.identity).deploy("web", count=3)
    one.says(web=placed())
    ((action, reason),) = (await one.settle()).values()
    assert action == "unchanged"
    assert reason == "it was deployed by hand, with another count, program; that holds until `deploy rm web`"


async def test_an_app_that_does_not_start_by_itself_is_ordered_when_it_is_asked_for(one: Filed) -> None:
    one.says(web=placed(autostart=False, placement=Placement(count=2)))
    assert await one.settle() == {"web": ("unchanged", "`start web` orders it 2 on any")}
    step = await one.placing.order("web")
    assert (step.action, one.version()) == ("add", 1)
    assert (await one.placing.order("web")).action == "unchanged"
    one.says(web=placed("/bin/false", autostart=False, placement=Placement(count=2)))
    assert await one.settle() == {"web": ("update", "changed: program")}


async def test_what_was_ordered_by_one_who_may_no_more_is_ordered(
    one: Filed, other: Filed, two: Cluster
) -> None:
    other.says(web=placed())
    await other.settle()
    await two.until(lambda: one.version() == 1)
    two.vouch(two.hosts["h2"], version=2, role=Role.VIEW)
    one.says(web=placed())
    ((action, reason),) = (await one.settle()).values()
    assert (action, "may not operate any more" in reason) == ("add", True)


async def test_a_host_that_may_not_order_says_so(one: Filed, two: Cluster) -> None:
    two.vouch(two.hosts["h1"], version=2, role=Role.VIEW)
    one.says(web=placed())
    ((action, reason),) = (await one.settle()).values()
    assert action == "add"
    assert reason.startswith(f"{FAILED}on the other hosts this host's key has less than the role operate")
    assert one.told("order.withheld") == [reason.removeprefix(FAILED)]


async def test_with_the_store_away_it_waits_for_one_app_and_not_for_each(one: Filed, two: Cluster) -> None:
    one.says(first=placed())
    await one.settle()
    one.says(web=placed(), first=placed(), later=placed(autostart=False), more=placed())
    asked: list[str] = []
    file = one.world.desired[1].file

    async def counted(app: str, *more: Any) -> None:
        asked.append(app)
        await file(app, *more)

    one.world.desired[1].file = counted
    two.hosts["h1"].way.cut()
    found = await one.settle()
    assert asked == ["web"]
    assert [reason.startswith(FAILED) for _, reason in found.values()] == [True, False, False, True]
    assert (await one.placing.order("more")).withheld
    two.hosts["h1"].way.mend()
    assert {app: action for app, (action, _) in (await one.settle()).items()} == {
        "web": "add",
        "first": "unchanged",
        "later": "unchanged",
        "more": "add",
    }


async def test_a_host_alone_says_what_it_lacks(one: Filed) -> None:
    one.world.desired = None
    one.says(web=placed(), later=placed(autostart=False))
    ((app, (action, reason)),) = (await one.settle()).items()
    assert (app, action) == ("web", "add")
    assert reason.startswith(f"{FAILED}this host belongs to no cluster")
    assert [step.withheld for step in one.placing.steps(one.loaded)] == [True]


async def test_what_runs_here_by_itself_still_is_not_doubled(one: Filed) -> None:
    one.here = [instance(3, "web")]
    one.says(web=placed())
    ((action, reason),) = (await one.settle()).values()
    assert (action, reason) == ("add", f"{FAILED}3 runs here by itself still; `apply` ends that")
    one.here = []
    assert (await one.settle())["web"] == ("add", "new; on any")
    one.here = [instance(3, "web")]
    assert (await one.settle())["web"][0] == "unchanged"


async def test_a_plan_touches_nothing(one: Filed) -> None:
    (step,) = one.placing.steps(one.says(web=placed()))
    assert (step.action, step.reason) == ("add", "new; on any")
    assert one.version() == 0


async def test_it_looks_by_itself_and_anew_when_a_file_was_applied(
    one: Filed, two: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    one.says(web=placed())
    await one.placing.open()
    await two.until(lambda: one.version() == 1)
    await Ordering(one.one.side, one.one.identity).remove("web")
    one.events.tell("config.applied", "daemon", now=0.0, file="x")
    await two.until(lambda: one.version() == 3)
    await one.placing.close()


async def test_a_fault_of_one_look_does_not_end_the_next(
    one: Filed, two: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    apps, one.world.supervisor.apps = one.world.supervisor.apps, None
    one.says(web=placed())
    await one.placing.open()
    await two.until(lambda: "was not looked at" in caplog.text)
    one.world.supervisor.apps = apps
    await two.until(lambda: one.version() == 1)
    await one.placing.close()


async def test_what_was_ordered_before_is_known_to_the_next_daemon(one: Filed, tmp_path: Path) -> None:
    one.says(web=placed())
    await one.settle()
    await Ordering(one.one.side, one.one.identity).remove("web")
    memory: Memory = one.placing._memory
    again = Placing(one.world, memory, one.placing._run)
    await again.open()
    try:
        assert again._filed == {"web"}
        (step,) = await again.settle()
        assert step.action == "unchanged"
    finally:
        await again.close()
    assert await memory.value(FILED) is not None
    await asyncio.sleep(0)


async def test_nothing_is_looked_at_where_nothing_is_placed(one: Filed) -> None:
    one.world.desired = None
    one.says(own=placed(host=None))
    assert not one.placing._matters()
    await one.placing.close()  # never opened


def test_a_memory_that_is_not_understood_is_none(caplog: pytest.LogCaptureFixture) -> None:
    assert _names(None) == frozenset()
    assert _names(b"\xc1") == frozenset()
    assert "not understood" in caplog.text
