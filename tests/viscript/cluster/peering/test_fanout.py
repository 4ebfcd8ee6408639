"""A guest's command on the hosts of a cluster."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

from signal_bus.ids import PublicKey
from tests.support.clusters import GuestHost, GuestLinks
from viscript.cluster.links.api import Reach
from viscript.cluster.peering import fanout as module
from viscript.cluster.peering.fanout import Fanout, together
from viscript.cluster.peering.terms import Answer, Ask, Row, Share
from viscript.daemon.tasks import Tasks
from viscript.verbs.table import Role

THEM = PublicKey(bytes([0x3F]) * 32)
SHARE = Share(apps=("web",), role=Role.OPERATE)


class Cluster:
    """m1 is the gateway; all but m3 have what is shared."""

    def __init__(self, tasks: Tasks) -> None:
        self.m1 = GuestHost("m1", "web", "db", local=True)
        self.m2, self.m3 = GuestHost("m2", "web"), GuestHost("m3", "db")
        self.links = GuestLinks(tasks, self.m1, self.m2, self.m3)
        self.fanout = Fanout(self.m1.guests, lambda: self.links)

    async def ask(self, selector: str, *argv: str, share: Share = SHARE, timeout: float = 5.0) -> Answer:
        return await self.fanout.ask(THEM, share, Ask(selector=selector, argv=argv, timeout=timeout))


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Tasks() as tasks:
        made = Cluster(tasks)
        yield made
        for host in made.links.of.values():
            host.world.audit.close()


def hosts(answer: Answer) -> list[tuple[str, str]]:
    return [(row.host, row.status) for row in answer.rows]


async def test_every_host_that_has_something_of_it_answers(cluster: Cluster) -> None:
    answer = await cluster.ask("@all", "la")
    assert (answer.code, hosts(answer)) == (0, [("m1", "ok"), ("m2", "ok")])
    assert all(row["app"] == "web" for each in answer.rows for row in msgspec.json.decode(each.out))


async def test_a_host_that_has_nothing_of_it_is_not_named(cluster: Cluster) -> None:
    for argv in (["la"], ["ping", "web"], ["ru"], ["why", "web"], ["restart", "web"]):
        answer = await cluster.ask("@all", *argv)
        assert "m3" not in repr(answer), argv
        assert answer.code == 0
    for selector in ("m3", "zone=m3", "nobody"):
        answer = await cluster.ask(selector, "ping", "web")
        assert (answer.code, answer.rows) == (7, ()), selector


@pytest.mark.parametrize("argv", [("la",), ("ru",), ("ping", "web"), ("why", "web"), ("ping", "db")])
async def test_a_host_that_shares_nothing_answers_as_one_that_is_not_there(
    cluster: Cluster, argv: tuple[str, ...]
) -> None:
    answers = [await cluster.ask(selector, *argv) for selector in ("nobody", "m3", "zone=m3", "m?3")]
    assert answers[1:] == answers[:1] * 3
    assert answers[0].code == 7


async def test_hosts_are_chosen_as_at_home(cluster: Cluster) -> None:
    assert hosts(await cluster.ask("m2", "la")) == [("m2", "ok")]
    assert hosts(await cluster.ask("zone=m1", "la")) == [("m1", "ok")]


async def test_what_nobody_may_is_refused_before_any_host_is_asked(cluster: Cluster) -> None:
    answer = await cluster.ask("@all", "run", "sh")
    assert (answer.code, answer.rows) == (7, ())
    assert cluster.links.kinds == []
    assert (await cluster.ask("@all", "restart", "web", share=Share(apps=("web",)))).code == 7
    assert (await cluster.ask("@all", "ping", "db")).code == 7
    assert (await cluster.ask("@all", "ping")).code == 2


async def test_a_host_that_does_not_answer_is_a_row_and_one_that_is_down_is_not(cluster: Cluster) -> None:
    cluster.m2.away = True
    answer = await cluster.ask("@all", "la")
    assert (answer.code, hosts(answer)) == (1, [("m1", "ok"), ("m2", "unreachable")])
    assert answer.rows[1].code == 4
    cluster.m2.row = replace(cluster.m2.row, state=Reach.DOWN)
    assert hosts(await cluster.ask("@all", "la")) == [("m1", "ok")]
    assert hosts(await cluster.ask("m2", "la")) == [("m2", "unreachable")]


async def test_a_host_that_is_too_slow_is_not_waited_for(cluster: Cluster) -> None:
    cluster.m1.world.fake.hold = asyncio.Event()
    answer = await cluster.ask("m1", "restart", "web", timeout=0.05)
    assert [(row.status, row.code) for row in answer.rows] == [("unreachable", 8)]


async def test_a_host_without_others_answers_for_itself_once_it_has_links(cluster: Cluster) -> None:
    assert (await Fanout(cluster.m1.guests, lambda: None).ask(
        THEM, SHARE, Ask(selector="@all", argv=("la",), timeout=5.0)
    )).code == 7  # fmt: skip


async def test_the_answers_of_many_hosts_share_one_bound(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_CHARS", 60)
    monkeypatch.setattr(module, "LEAST_CHARS", 5)
    answer = await cluster.ask("@all", "la")
    assert {len(row.out) for row in answer.rows} <= {2, 20}


def test_what_is_put_together_is_a_refusal_only_when_nobody_has_it() -> None:
    no = Row(host="m1", status="failed", code=7, err='"x" is not shared with you here\n')
    yes, empty = Row(host="m2", status="ok", code=0, out="[1]"), Row(host="m3", status="ok", code=0, out="[]")
    assert together([no, yes, empty]) == Answer(rows=(yes,))
    assert together([no]).code == together([no, empty]).code == 7
    assert "is not shared" in together([no]).text
    assert together([empty]) == Answer()
    bad = Row(host="m2", status="failed", code=3, out="")
    assert together([no, bad]) == Answer(code=1, rows=(bad,))
    text = Row(host="m2", status="ok", code=0, out="no json")
    assert together([text]).rows == (text,)
