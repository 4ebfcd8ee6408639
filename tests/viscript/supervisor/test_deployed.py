"""Instances that the cluster orders."""

import msgspec
import pytest

from tests.support.supervision import Bench
from viscript.states import State
from viscript.supervisor.api import DEPLOYED, AppEntry, Deployed
from viscript.supervisor.deployed import GIVEN_UP, DeployedApps
from viscript.supervisor.orders import spec_for


def entry(bench: Bench, number: int = 1, fence: int = 12, **more: str) -> AppEntry:
    told = Deployed(
        app="web", number=number, version=3, fence=fence, key="run/web/1", lease="5", file="/x/5", **more
    )
    return msgspec.structs.replace(bench.app("web"), source=DEPLOYED, deployed=told)


@pytest.fixture
def apps(bench: Bench) -> DeployedApps:
    return DeployedApps(bench.supervisor, bench.conductor)


async def test_an_exclusive_instance_is_launched_with_its_fence(bench: Bench, apps: DeployedApps) -> None:
    await apps.start(entry(bench), ["a"], {"A": "1"})
    (order,) = await bench.asked("launch")
    fence = {"lease": "5", "key": "run/web/1", "revision": 12, "file": "/x/5"}
    assert order["spec"]["fence"] == fence
    assert apps.held()["web", 1].args == ("a",)


async def test_another_instance_has_none(bench: Bench, apps: DeployedApps) -> None:
    await apps.start(entry(bench, fence=0), [], {})
    assert "fence" not in spec_for(bench.held(), env={}, search="/usr/bin:/bin")


async def test_it_comes_back_under_its_id_and_with_its_new_fence(bench: Bench, apps: DeployedApps) -> None:
    await apps.start(entry(bench), [], {})
    await bench.asked("launch")
    await apps.stop(1)
    told = bench.held().entry.deployed
    assert told is not None
    assert bench.told("app.stopping")[-1].reason == GIVEN_UP
    assert told.what == "", "it is to begin anew when it is ordered again"
    await apps.start(entry(bench, fence=20), [], {})
    orders = await bench.asked("launch", 2)
    assert orders[-1]["seq"] == 1
    assert orders[-1]["spec"]["fence"]["revision"] == 20


async def test_numbers_are_instances_of_their_own(bench: Bench, apps: DeployedApps) -> None:
    for number in (1, 2):
        await apps.start(entry(bench, number), [], {})
    await bench.supervisor.start("web")
    assert {slot: one.seq for slot, one in apps.held().items()} == {("web", 1): 1, ("web", 2): 2}


async def test_one_that_lives_counts_before_one_that_ended(bench: Bench, apps: DeployedApps) -> None:
    for _ in range(2):
        await apps.start(entry(bench), [], {})
    await apps.stop(2)
    assert apps.held()["web", 1].seq == 1


async def test_the_hosts_own_configuration_does_not_change_it(bench: Bench, apps: DeployedApps) -> None:
    await apps.start(entry(bench), [], {})
    bench.app("web", "/bin/false")
    await bench.supervisor.restart(1)
    assert bench.held().entry.argv == ("/bin/true",)
    assert not bench.held().entry.is_configured


async def test_where_it_came_from_is_shown(bench: Bench, apps: DeployedApps) -> None:
    await apps.start(entry(bench, moved_from="a/7"), [], {})
    shown = bench.supervisor.instance(1)
    assert shown.moved_from == "a/7"
    assert shown.state in (State.STARTING, State.RUNNING, State.WAITING)
