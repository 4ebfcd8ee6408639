from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.far_hosts import Hosts, far_hosts
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.states import State


@pytest.fixture
async def hosts(short_tmp: Path) -> AsyncIterator[Hosts]:
    async with far_hosts(
        short_tmp, m1=[instance(1, "web")], m2=[instance(7, "web"), instance(8, "db")], m3=[]
    ) as found:
        yield found


async def test_targets_of_several_hosts_are_one_command(hosts: Hosts) -> None:
    said = await hosts.say("sd m2/8 1 -o json")
    assert said.code == 0
    assert [(row["host"], row["id"]) for row in said.json()] == [("m1", 1), ("m2", 8)]
    assert hosts["m2"].world.fake.instance(8).state is State.STOPPED
    assert hosts["m2"].world.fake.instance(7).state is State.RUNNING


async def test_one_table_shows_them_all(hosts: Hosts) -> None:
    said = await hosts.say("la --host @all")
    assert "m1/1" in said.out
    assert "m2/8" in said.out
    assert said.code == 0


async def test_names_are_those_that_can_be_typed(hosts: Hosts) -> None:
    assert (await hosts.say("la --host m1,m2 -o name")).out.split() == ["m1/1", "m2/7", "m2/8"]


async def test_a_partial_failure_is_a_failure_and_says_of_whom(hosts: Hosts) -> None:
    said = await hosts.say("ping @all/web -o json")
    assert said.code == ExitCode.FAILED
    assert [(row["host"], row.get("code", 0)) for row in said.json()] == [("m1", 0), ("m2", 0), ("m3", 5)]
    shown = await hosts.say("ping @all/web")
    assert "m3: no app named" in shown.err
    hosts["m3"].lose()
    assert "m3 is away" in (await hosts.say("ping @all/web")).err


async def test_a_selector_that_means_this_host_only_is_done_here(hosts: Hosts) -> None:
    said = await hosts.say("ping m1*/web")
    assert (said.code, "m1/1" in said.out) == (0, True)
    assert (await hosts.say(f"ping {hosts['m1'].facts.key.hex()}/web")).code == 0
    assert not hosts["m2"].streams


async def test_the_host_a_prompt_uses_is_meant(hosts: Hosts) -> None:
    assert (await hosts.say("ping 7", default_host="m2")).out.startswith("[m2/7] web")
    assert "m1/" not in (await hosts.say("la", default_host="m1")).out


async def test_a_host_does_not_pass_on_what_others_ask_of_it(hosts: Hosts) -> None:
    said = await hosts.say("ping m2/7", actor="ab" * 32)
    assert said.code == ExitCode.NOT_PERMITTED
    assert not hosts["m2"].streams


async def test_without_a_cluster_no_other_host_is_known() -> None:
    world = FakeWorld(instance(7, "web"))
    said = await say(world, "ping there/7")
    assert (said.code, 'this one is "here"' in said.err) == (ExitCode.NOT_FOUND, True)
    assert (await say(world, "la --host here")).code == 0
    assert (await say(world, "la --host there")).code == ExitCode.NOT_FOUND


async def test_a_rolling_restart_goes_host_by_host_and_stops_where_one_fails(hosts: Hosts) -> None:
    hosts["m2"].world.fake.failing.add("web")
    hosts["m3"].world.fake.add(instance(3, "web"))
    said = await hosts.say("restart --rolling @all/web")
    assert said.code == ExitCode.FAILED
    assert "m1/1" in said.out
    assert "left as they are: 1 of 3 hosts" in said.err
    asked = [[one[0] for one in host.world.fake.asked] for host in hosts.all.values()]
    assert asked == [["restart"], ["restart"], []]
    hosts["m2"].world.fake.failing.clear()
    assert (await hosts.say("restart --rolling @all/web")).code == 0
