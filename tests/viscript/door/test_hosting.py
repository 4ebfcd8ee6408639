from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.far_hosts import Hosts, far_hosts, key_of
from tests.support.verbs import visit
from viscript.cluster.far import operands
from viscript.cluster.links.api import Reach
from viscript.cluster.peering.standing import Peering, Standing
from viscript.cluster.peering.terms import Share
from viscript.door import hosting


@pytest.fixture
async def hosts(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hosts]:
    monkeypatch.setattr(operands, "PATIENCE_S", 20.0)
    async with far_hosts(
        short_tmp, m1=[instance(1, "here")], m2=[instance(7, "web"), instance(8, "db")], edge=[]
    ) as found:
        found["m2"].facts = replace(found["m2"].facts, labels={"role": "core"})
        yield found


async def typed(short_tmp: Path, text: str, host: str = "") -> dict[str, str]:
    """What may stand at the end of a text, and what that is."""
    async with visit(short_tmp / "m1") as visitor:
        await visitor.send({"v": 1, "complete": {"text": text, "cursor": len(text), "host": host}})
        answer: Any = await visitor.receive()
    return {item["text"]: item["meta"] for item in answer["items"]}


async def test_hosts_stand_where_targets_may(hosts: Hosts, short_tmp: Path) -> None:
    found = await typed(short_tmp, "ping ")
    assert found["1"] == "here running"
    assert found["m2/"] == "up"
    assert "m1/" not in found


async def test_the_apps_of_a_host_that_is_typed_are_offered(hosts: Hosts, short_tmp: Path) -> None:
    assert await typed(short_tmp, "ping m2/") == {
        "m2/7": "web running",
        "m2/8": "db running",
        "m2/web": "[m2/7] running",
        "m2/db": "[m2/8] running",
        "m2/all": "2 apps",
    }
    assert list(await typed(short_tmp, "sd 1 m2/w")) == ["m2/web"]
    assert await typed(short_tmp, "ping nobody/") == {}


async def test_where_a_host_is_asked_for_hosts_are_offered(hosts: Hosts, short_tmp: Path) -> None:
    hosts["edge"].lose(age=75.0)
    assert await typed(short_tmp, "la --host ") == {
        "m1": "this host",
        "edge": "down, last heard 1m15s ago",
        "m2": "up",
        "role=core": "hosts with that label",
        "@all": "3 hosts",
    }
    assert list(await typed(short_tmp, "on ro")) == ["role=core"]


class Peers:
    """What this host knows of other clusters, in memory."""

    def __init__(self) -> None:
        self.gateway = self.register = self

    def all(self) -> list[Peering]:
        web = Share(apps=("web", "db"))
        return [
            Peering(key=key_of("lab"), name="lab", standing=Standing.PEERED, theirs=web),
            Peering(key=key_of("new"), name="new", standing=Standing.ASKED),
        ]


async def test_other_clusters_are_offered_where_they_can_be_asked(hosts: Hosts, short_tmp: Path) -> None:
    world = hosts["m1"].world
    world.peering = Peers()
    assert await typed(short_tmp, "on lab") == {"lab/@all": "another cluster: web, db"}
    assert "lab/@all" not in await typed(short_tmp, "la --host ")
    world.peering.gateway = None
    assert await typed(short_tmp, "on lab") == {}


async def test_a_command_for_other_hosts_is_completed_like_any(hosts: Hosts, short_tmp: Path) -> None:
    assert "restart" in await typed(short_tmp, "on m2 rest")
    assert list(await typed(short_tmp, "on m2 restart ")) == ["7", "8", "web", "db", "all"]
    assert "here" in await typed(short_tmp, "on @all restart ")
    assert "--rolling" in await typed(short_tmp, "on --timeout 2s m2 restart --")


async def test_the_host_a_prompt_uses_offers_its_own(hosts: Hosts, short_tmp: Path) -> None:
    assert list(await typed(short_tmp, "ping ", host="m2")) == ["7", "8", "web", "db", "all"]
    assert "here" in await typed(short_tmp, "ping ", host="gone")


async def test_what_is_old_says_so(hosts: Hosts, short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await typed(short_tmp, "ping m2/")
    monkeypatch.setattr(hosting, "OLD_S", -1.0)
    assert "old" in (await typed(short_tmp, "ping m2/"))["m2/7"]
    hosts.links.changed("m2", Reach.SUSPECT)
    assert (await typed(short_tmp, "ping "))["m2/"].startswith("suspect")


def test_a_host_that_is_alone_offers_itself_only() -> None:
    world = FakeWorld()
    assert hosting.hosts_of(world) == []
    assert hosting.prefixes_of(world) == []
    assert hosting.targets_of("m2/", world) == []
    assert not hosting.is_other("m2", world)


async def test_verbs_about_one_host_are_offered_labels_alone(hosts: Hosts, short_tmp: Path) -> None:
    for text in ("host drain ", "host pause ", "host resume ", "mv 1 "):
        assert list(await typed(short_tmp, text)) == ["m1", "edge", "m2"]


async def test_a_place_is_a_host_a_label_or_any(hosts: Hosts, short_tmp: Path) -> None:
    assert list(await typed(short_tmp, "deploy web --place ")) == ["m1", "edge", "m2", "role=core", "any"]
    assert hosting.places_of(FakeWorld()) == []


async def test_what_is_deployed_may_be_taken_away(hosts: Hosts, short_tmp: Path) -> None:
    def order(**fields: Any) -> SimpleNamespace:
        return SimpleNamespace(**{"count": 1, "place": "any", "gone": False, **fields})

    assert await typed(short_tmp, "deploy rm ") == {}
    known = {"web": order(count=2, place="role=core"), "job": order(), "old": order(gone=True)}
    mirror = SimpleNamespace(deployments=lambda: known)
    hosts.first.world.desired = (SimpleNamespace(mirror=mirror), None)
    for text in ("deploy rm ", "deploy restart "):
        assert await typed(short_tmp, text) == {"job": "1 on any", "web": "2 on role=core"}
