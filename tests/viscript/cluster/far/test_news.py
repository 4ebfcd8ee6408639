import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_world import NOW, instance
from tests.support.far_hosts import FakeHost, Hosts, far_hosts, saying
from viscript.cluster.far import news
from viscript.cluster.far.news import News, abroad
from viscript.cluster.links.api import Reach

NONSENSE = (b"nonsense\n", b'{"ev":{"type":[]}}\n', b'{"ev":{"type":{}}}\n', b'{"ev":7}\n')


@pytest.fixture
async def hosts(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hosts]:
    monkeypatch.setattr(news, "AGAIN_S", 0.0)
    async with far_hosts(short_tmp, m1=[], m2=[instance(7, "web")], m3=[]) as found:
        yield found


class Listener:
    """Follows all hosts, and keeps what it hears."""

    def __init__(self, hosts: Hosts, group: asyncio.TaskGroup) -> None:
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue(100)
        self.task = group.create_task(News(hosts.links, self._heard.put).follow())

    async def next(self) -> tuple[str, str]:
        async with asyncio.timeout(20):
            event = await self._heard.get()
        return event["object"], event["reason"]


async def followed(host: FakeHost, count: int = 1) -> None:
    """Until that host is listened to."""
    async with asyncio.timeout(20):
        while len(host.streams) < count or not host.world.events._listeners:
            await asyncio.sleep(0.001)


def tell(host: FakeHost, kind: str, reason: str) -> None:
    host.world.events.tell(kind, "app/7", now=NOW, reason=reason)


async def test_deaths_on_other_hosts_are_heard_and_most_else_is_not(hosts: Hosts) -> None:
    async with asyncio.TaskGroup() as group:
        listener = Listener(hosts, group)
        await followed(hosts["m2"])
        await followed(hosts["m3"])
        tell(hosts["m2"], "app.starting", "no")
        tell(hosts["m2"], "app.fatal", "exit 1")
        assert await listener.next() == ("app/m2/7", "exit 1")
        tell(hosts["m3"], "app.backoff", "signal 9")
        assert await listener.next() == ("app/m3/7", "signal 9")
        listener.task.cancel()
    assert not hosts["m1"].streams


async def test_a_host_that_was_away_is_followed_again(hosts: Hosts) -> None:
    async with asyncio.TaskGroup() as group:
        listener = Listener(hosts, group)
        await followed(hosts["m2"])
        hosts["m2"].lose()
        async with asyncio.timeout(20):
            while not all(stream.closed for stream in hosts["m2"].streams):
                await asyncio.sleep(0.001)
        hosts["m2"].lost.clear()
        hosts.links.changed("m2", Reach.UP)
        await followed(hosts["m2"], 2)
        tell(hosts["m2"], "app.fatal", "again")
        assert await listener.next() == ("app/m2/7", "again")
        listener.task.cancel()


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_a_host_that_answers_nonsense_spoils_no_other(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch, nonsense: bytes
) -> None:
    monkeypatch.setattr(news, "AGAIN_S", 60.0)
    hosts["m3"].answers = saying(nonsense)
    async with asyncio.TaskGroup() as group:
        listener = Listener(hosts, group)
        await followed(hosts["m2"])
        tell(hosts["m2"], "app.fatal", "exit 1")
        assert await listener.next() == ("app/m2/7", "exit 1")
        listener.task.cancel()


async def test_so_many_hosts_are_followed_and_no_more(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "MOST_HOSTS", 1)
    async with asyncio.TaskGroup() as group:
        listener = Listener(hosts, group)
        await followed(hosts["m2"])
        hosts.links.changed("m3", Reach.UP)
        await asyncio.sleep(0)
        listener.task.cancel()
    assert not hosts["m3"].streams


def test_an_event_is_of_an_app_elsewhere() -> None:
    assert abroad({"object": "app/7", "host": "x"}, "m2") == {"object": "app/m2/7", "host": "m2"}
