import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fake_world import NOW, instance
from tests.support.far_hosts import Hosts, far_hosts, saying
from viscript.cluster.far import following
from viscript.errors import ExitCode
from viscript.verbs.run import Context, run


class Heard:
    """A sink that tells when something was written."""

    def __init__(self) -> None:
        self.text = ""
        self.errors = ""
        self.came = asyncio.Event()

    async def out(self, text: str) -> None:
        self.text += text
        self.came.set()

    async def err(self, text: str) -> None:
        self.errors += text
        self.came.set()

    async def until(self, word: str) -> None:
        async with asyncio.timeout(20):
            while word not in self.text + self.errors:
                self.came.clear()
                await self.came.wait()


@pytest.fixture
async def hosts(short_tmp: Path) -> AsyncIterator[Hosts]:
    async with far_hosts(short_tmp, m1=[instance(1, "a")], m2=[instance(7, "web")], m3=[]) as found:
        yield found


def begin(hosts: Hosts, group: asyncio.TaskGroup, command: str) -> tuple[Heard, asyncio.Task[int]]:
    """The command, under way at m1."""
    heard = Heard()
    world = hosts.first.world

    async def runs() -> int:
        ran = await run(command.split(), Context(table=world.table, world=world, sink=heard))
        return int(ran.code)

    return heard, group.create_task(runs())


async def test_events_of_all_hosts_come_as_they_happen(hosts: Hosts) -> None:
    async with asyncio.TaskGroup() as group:
        heard, following_them = begin(hosts, group, "events -f -n 1 --host @all")
        for label in ("m1", "m2"):
            hosts[label].world.events.tell("app.fatal", "app/7", now=NOW, reason=f"because of {label}")
            await heard.until(f"because of {label}")
        hosts["m2"].world.events.tell("app.fatal", "app/7", now=NOW, reason="again")
        await heard.until("again")
        following_them.cancel()
    assert [line.split()[0] for line in heard.text.splitlines()] == ["m1", "m2", "m2"]


async def test_as_data_each_row_has_its_host(hosts: Hosts) -> None:
    async with asyncio.TaskGroup() as group:
        heard, following_them = begin(hosts, group, "events -f --host m1,m2 -o json")
        hosts["m2"].world.events.tell("app.fatal", "app/7", now=NOW, reason="a")
        await heard.until('"a"')
        following_them.cancel()
    assert json.loads(heard.text)["host"] == "m2"


async def test_a_host_that_is_lost_is_said_and_the_others_go_on(hosts: Hosts) -> None:
    async with asyncio.TaskGroup() as group:
        heard, following_them = begin(hosts, group, "events -f --host @all -o yaml")
        hosts["m2"].lose()
        await heard.until("m2 is away")
        hosts["m1"].world.events.tell("app.fatal", "app/7", now=NOW, reason="later")
        await heard.until("later")
        following_them.cancel()
    assert heard.errors.count("m2") >= 1
    assert heard.text.startswith("---\n")


async def test_when_all_have_ended_so_does_the_command(hosts: Hosts) -> None:
    nonsense = b'{"o":"no json\\n[1]\\n"}\n{"o":"{\\"odd\\": 1}\\n"}\n'
    hosts["m2"].answers = saying(nonsense, b'{"e":"a word\\n"}\n', b'{"x":0}\n')
    hosts["m3"].answers = saying(b'{"x":5}\n')
    async with asyncio.TaskGroup() as group:
        heard, following_them = begin(hosts, group, "events -f --host m2,m3")
    assert following_them.result() == ExitCode.FAILED
    assert heard.text == "m2  {'odd': 1}\n"
    assert heard.errors == "m2: a word\n"


async def test_a_row_without_end_is_dropped(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LONGEST_ROW", 4)
    hosts["m2"].answers = saying(b'{"o":"12345"}\n', b'{"o":"\\n"}\n', b'{"x":0}\n')
    hosts["m3"].answers = saying(b'{"a":{}}\n')
    async with asyncio.TaskGroup() as group:
        heard, following_them = begin(hosts, group, "events -f --host m2,m3")
    assert (heard.text, following_them.result()) == ("", ExitCode.FAILED)
    assert "m3: this needs a terminal of its own" in heard.errors
