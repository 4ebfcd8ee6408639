import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_world import instance
from tests.support.far_hosts import Hosts, far_hosts, saying
from tests.support.verbs import SCREEN
from viscript.cluster.far import passing
from viscript.cluster.links.api import StreamRefused
from viscript.errors import ExitCode
from viscript.states import State
from viscript.verbs.table import Role, Terminal


@pytest.fixture
async def hosts(short_tmp: Path) -> AsyncIterator[Hosts]:
    async with far_hosts(short_tmp, m1=[instance(7, "here")], m2=[instance(7, "web")]) as found:
        yield found


async def test_what_a_host_writes_appears_here(hosts: Hosts) -> None:
    said = await hosts.say("ping m2/7")
    assert (said.code, said.out[:26]) == (0, "[m2/7] web answered in 200")
    assert "m2/7  web" in (await hosts.say("la --host m2")).out
    assert (await hosts.say("ping m2/7 -o json")).json()["id"] == 7
    assert (await hosts.say("la -H m2 -o json")).json()[0]["name"] == "web"


async def test_it_is_done_there_and_not_here(hosts: Hosts) -> None:
    assert (await hosts.say("sd m2/7")).code == 0
    assert hosts["m2"].world.fake.instance(7).state is State.STOPPED
    assert hosts["m1"].world.fake.instance(7).state is State.RUNNING
    said = await hosts.say("s --host m2 web -- --port 80")
    assert said.out.startswith("[m2/8] web is running")
    assert ("start", "web", ("--port", "80")) in [asked[:3] for asked in hosts["m2"].world.fake.asked]


async def test_its_error_is_the_error_here(hosts: Hosts) -> None:
    said = await hosts.say("why m2/9")
    assert said.code == ExitCode.NOT_FOUND
    assert said.err.startswith("m2: no app with id 9")
    hosts["m2"].role = Role.VIEW
    assert (await hosts.say("sd m2/7")).code == ExitCode.NOT_PERMITTED


async def test_a_host_that_is_down_is_told_at_once(hosts: Hosts) -> None:
    hosts["m2"].lose()
    said = await hosts.say("ping m2/7 -o json")
    assert said.code == ExitCode.UNREACHABLE
    assert said.json()["error"]["code"] == ExitCode.UNREACHABLE
    assert said.err.startswith("m2 is away: it is down, last heard 20s ago")


async def test_a_frozen_host_costs_the_deadline(hosts: Hosts) -> None:
    hosts["m2"].freeze()
    begun = time.monotonic()
    said = await hosts.say("rpc m2/7 find --timeout 0.3s")
    assert time.monotonic() - begun < 5.0
    assert said.code == ExitCode.TIMED_OUT
    assert said.err.startswith("m2 did not answer within 0.3 s")
    assert all(stream.closed for stream in hosts["m2"].streams)


async def test_the_way_to_a_host_counts_against_the_deadline(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that comes up late leaves the answer what is left, and no whole deadline of its own."""
    hosts["m2"].freeze()
    opened, patience, timeout_at = hosts.links.open, [0.0], asyncio.timeout_at
    loop = asyncio.get_running_loop()

    async def late(*args: Any, **more: Any) -> Any:
        stream = await opened(*args, **more)
        patience[0] = loop.time()
        monkeypatch.setattr(loop, "time", lambda: time.monotonic() + 60)  # a minute on the way
        return stream

    def noted(end: float | None) -> asyncio.Timeout:
        assert end is not None
        patience[0] = end - patience[0]
        return timeout_at(end)

    monkeypatch.setattr(hosts.links, "open", late)
    monkeypatch.setattr(asyncio, "timeout_at", noted)
    said = await hosts.say("rpc m2/7 find --timeout 30s")
    assert said.code == ExitCode.TIMED_OUT
    assert patience[0] < 31


async def test_no_host_writes_to_the_terminal_what_it_obeys(hosts: Hosts) -> None:
    wild = rb'{"o":"\u001b[31mred\u001b[0m\u001b]0;title\u0007\n"}' + b"\n"
    hosts["m2"].answers = saying(wild, rb'{"e":"\u001b[2Jgone\n"}' + b"\n", b'{"x":0}\n')
    said = await hosts.say("la --host m2", terminal=Terminal(out=True, err=True))
    assert said.out == "\x1b[31mred\x1b[0m\n"
    assert said.err == "m2: gone\n"
    hosts["m2"].answers = saying(wild, b'{"x":0}\n')
    assert "\x1b]0;title" in (await hosts.say("log m2/7", terminal=Terminal())).out  # a pipe has it all


async def test_no_host_has_a_program_run_here(hosts: Hosts) -> None:
    hosts["m2"].answers = saying(b'{"p":["rm","-rf","/"]}\n')
    said = await hosts.say("la --host m2")
    assert said.code == ExitCode.USAGE
    assert "run it on m2 itself" in said.err


async def test_a_code_nobody_knows_is_a_failure(hosts: Hosts) -> None:
    hosts["m2"].answers = saying(b'{"x":77}\n')
    assert (await hosts.say("la --host m2")).code == ExitCode.FAILED


async def test_a_host_that_hangs_up_or_refuses_is_told(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts["m2"].answers = saying(b'{"o":"half\\n"}\n')
    said = await hosts.say("la --host m2")
    assert (said.out, said.code) == ("half\n", ExitCode.UNREACHABLE)
    assert "hung up before this was done" in said.err

    async def refuse(*_args: object) -> Any:
        raise StreamRefused("full", "")

    monkeypatch.setattr(hosts.links, "open", refuse)
    assert (await hosts.say("la --host m2")).err.startswith("m2 refused: full")


async def test_an_interrupt_reaches_the_verb_there(hosts: Hosts) -> None:
    hosts["m2"].world.fake.hold = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(hosts.say("sd m2/7", terminal=SCREEN))
        while not hosts["m2"].world.fake.asked:
            await asyncio.sleep(0)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
    assert all(stream.closed for stream in hosts["m2"].streams)
    hosts["m2"].world.fake.hold.set()


async def test_a_host_that_does_not_hear_the_interrupt_is_left(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "LAST_WORDS_S", 0.05)
    hosts["m2"].freeze()
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(hosts.say("la --host m2"))
        while not hosts["m2"].streams:
            await asyncio.sleep(0)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
    assert all(stream.closed for stream in hosts["m2"].streams)
