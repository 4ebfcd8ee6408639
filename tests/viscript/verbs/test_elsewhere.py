import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.far_hosts import Hosts, far_hosts
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.states import State
from viscript.verbs.table import Role


@pytest.fixture
async def hosts(short_tmp: Path) -> AsyncIterator[Hosts]:
    async with far_hosts(
        short_tmp,
        m1=[instance(1, "web")],
        m2=[instance(7, "web"), instance(8, "db")],
        m3=[instance(3, "web", State.BACKOFF)],
    ) as found:
        yield found


async def test_every_host_has_a_row(hosts: Hosts) -> None:
    said = await hosts.say("on @all la -o json")
    assert said.out == (await hosts.say("on -o json @all la")).out
    assert len((await hosts.say("on @all la -o jsonl")).out.splitlines()) == 3
    assert said.code == 0
    rows = said.json()
    assert [(row["host"], row["status"], row["code"], row["age_seconds"]) for row in rows] == [
        ("m1", "ok", 0, 0.0),
        ("m2", "ok", 0, 0.0),
        ("m3", "ok", 0, 0.0),
    ]
    assert [[one["id"] for one in row["result"]] for row in rows] == [[1], [7, 8], [3]]


async def test_an_option_behind_the_hosts_is_said_to_stand_before_them(hosts: Hosts) -> None:
    said = await hosts.say("on @all -o json la")
    assert said.code == ExitCode.USAGE
    assert "on: its options stand before the hosts: on -o ... @all VERB" in said.err


async def test_people_see_ids_with_their_host(hosts: Hosts) -> None:
    out = (await hosts.say("on @all la")).out
    assert "m1  ok" in out
    assert "m1/1  web" in out
    assert "m2/8  db" in out
    one_line = (await hosts.say("on m2,m3 ping web")).out.splitlines()
    assert one_line[0].startswith("m2  ok  [m2/7] web answered in")


async def test_one_that_fails_makes_the_whole_fail(hosts: Hosts) -> None:
    said = await hosts.say("on -o json @all why db")
    assert said.code == ExitCode.FAILED
    assert [(row["host"], row["status"], row["code"]) for row in said.json()] == [
        ("m1", "failed", 5),
        ("m2", "ok", 0),
        ("m3", "failed", 5),
    ]
    assert said.json()[0]["result"]["error"]["text"] == 'no app named "db" runs here'
    shown = (await hosts.say("on @all why db")).out
    assert 'm1  failed, exit 5: no app named "db" runs here' in shown


async def test_a_role_is_judged_where_it_is_done(hosts: Hosts) -> None:
    hosts["m2"].role = Role.VIEW
    said = await hosts.say("on -o json @all sd web")
    assert [(row["host"], row["code"]) for row in said.json()] == [("m1", 0), ("m2", 7), ("m3", 0)]
    assert hosts["m2"].world.fake.instance(7).state is State.RUNNING
    assert hosts["m3"].world.fake.instance(3).state is State.STOPPED


async def test_a_host_that_is_down_is_told_at_once(hosts: Hosts) -> None:
    hosts["m2"].lose(age=21.0)
    begun = time.monotonic()
    said = await hosts.say("on -o json @all la")
    assert time.monotonic() - begun < 2.0
    (row,) = [row for row in said.json() if row["host"] == "m2"]
    assert (row["status"], row["code"], row["age_seconds"], row["result"]) == ("unreachable", 4, 21.0, None)
    assert "m2 is away: it is down, last heard 21s ago" in row["text"]
    assert said.code == ExitCode.FAILED


async def test_a_frozen_host_costs_the_deadline_and_no_more(hosts: Hosts) -> None:
    hosts["m2"].freeze()
    begun = time.monotonic()
    said = await hosts.say("on -o json --timeout 0.5s @all la")
    assert time.monotonic() - begun < 5.0
    assert [(row["host"], row["status"], row["code"]) for row in said.json()] == [
        ("m1", "ok", 0),
        ("m2", "unreachable", 8),
        ("m3", "ok", 0),
    ]
    assert all(stream.closed for stream in hosts["m2"].streams)


async def test_what_a_host_said_before_is_shown_as_old(hosts: Hosts) -> None:
    await hosts.say("on -o json @all la")
    hosts["m2"].lose()
    (row,) = [row for row in (await hosts.say("on -o json @all la")).json() if row["host"] == "m2"]
    assert (row["status"], row["code"]) == ("stale", 4)
    assert row["age_seconds"] > 0
    assert [one["id"] for one in row["result"]] == [7, 8]
    await hosts.say("on @all sd web")
    assert "m2  unreachable" in (await hosts.say("on @all sd web")).out  # nothing was stopped there


async def test_a_verb_that_only_they_know_is_theirs_to_refuse(hosts: Hosts) -> None:
    said = await hosts.say("on -o json m2 frobnicate 7")
    (row,) = said.json()
    assert (row["status"], row["code"]) == ("failed", 2)
    assert 'unknown verb "frobnicate"' in row["result"]["error"]["text"]


@pytest.mark.parametrize(
    "command, text",
    [
        ("on nowhere la", 'no host "nowhere" is known here'),
        ("on @all on @all la", "on is for one host"),
        ("on @all log -f", "log --host @all -f"),
        ("on @all attach web", "goes on for ever"),
        ("on @all ping", "missing TARGET"),
    ],
)
async def test_what_cannot_be_is_refused_before_anybody_is_asked(
    hosts: Hosts, command: str, text: str
) -> None:
    said = await hosts.say(command)
    assert said.code in (ExitCode.USAGE, ExitCode.NOT_FOUND)
    assert text in said.err
    assert not any(host.streams for host in hosts.all.values())


async def test_a_host_does_not_pass_on_what_others_ask_of_it(hosts: Hosts) -> None:
    for command in ("on m2 la", "on m2 on m3 la"):
        said = await hosts.say(command, actor="ab" * 32)
        assert said.code == ExitCode.NOT_PERMITTED
        assert "does not pass on" in said.err


async def test_a_host_that_is_alone_says_so() -> None:
    said = await say(FakeWorld(), "on @all la")
    assert said.code == ExitCode.FAILED
    assert "in no cluster" in said.err
