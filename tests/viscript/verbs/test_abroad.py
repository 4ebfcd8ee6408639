"""on CLUSTER/HOSTS: a command for hosts of another cluster."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clusters import two_clusters
from tests.support.rosters import host
from tests.viscript.verbs.test_clusters import KEY_A, Prompts
from viscript.cluster.far.far import Far
from viscript.cluster.peering.terms import Answer
from viscript.verbs.abroad import is_abroad

A, B = host(1), host(2)


@pytest.fixture
async def prompts(short_tmp: Path) -> AsyncIterator[Prompts]:
    async with two_clusters(short_tmp, A, B) as (a, b):
        made = Prompts(a, b)
        await made.peered()
        yield made


def test_a_selector_with_a_cluster_in_front_leads_abroad() -> None:
    assert is_abroad("lab/@all")
    assert not is_abroad("@all")


async def test_the_sentence_of_the_issue(prompts: Prompts) -> None:
    said = await prompts.at_b(f"on {KEY_A}/@all la")
    assert said.code == 0
    head, *rows = said.out.splitlines()
    assert head.split()[:2] == ["ID", "NAME"]
    assert [row.split()[:2] for row in rows] == [["ay/a/1", "web"], ["ay/a-2/1", "web"]]
    for command in ("ping db", "hosts", "run -- sh", "restart web", "audit", "la -H m1"):
        said = await prompts.at_b(f"on {KEY_A}/@all {command}")
        assert (said.code, said.out) == (7, ""), command
        assert said.err.startswith("ay: ")


async def test_one_host_there_is_named_behind_the_cluster(prompts: Prompts) -> None:
    said = await prompts.at_b("on ay/a-2 ping web")
    assert (said.code, "ay/a-2/1" in said.out) == (0, True)
    assert (await prompts.at_b("on ay/nobody la")).code == 7
    assert (await prompts.at_b("on ay/ la")).code == 0


async def test_as_data_there_is_a_row_a_host(prompts: Prompts) -> None:
    rows = (await prompts.at_b("on ay/@all la -o json")).valid("on")
    assert [(row["host"], row["status"], row["result"][0]["app"]) for row in rows] == [
        ("ay/a", "ok", "web"),
        ("ay/a-2", "ok", "web"),
    ]
    assert (await prompts.at_b("on -o name ay/@all la")).out.split() == ["ay/a", "ay/a-2"]
    assert "ay/a" in (await prompts.at_b("on -o yaml ay/@all la")).out
    assert "GENERATION" in (await prompts.at_b("on -o wide ay/a la")).out


async def test_who_is_unknown_or_no_peer_is_said(prompts: Prompts) -> None:
    said = await prompts.at_b("on nobody/@all la")
    assert (said.code, "no cluster" in said.err) == (5, True)
    assert (await prompts.at_b("on ay/@all nonsense")).code == 7
    assert (await prompts.at_b("on ay/@all log -f web")).code == 2
    await prompts.at_a("peer rm bee")
    said = await prompts.at_b("on ay/@all la")
    assert (said.code, "not a peer" in said.err) == (7, True)


async def test_who_forgets_the_hosts_there_is_told(prompts: Prompts, monkeypatch: pytest.MonkeyPatch) -> None:
    world = prompts.b.here.world
    world.far = Far(lambda: prompts.b.links, print)
    for named in ("ay", KEY_A):
        said = await prompts.at_b(f"on {named} la")
        assert (said.code, f"on {named}/@all la" in said.err) == (5, True), said
    assert "is another cluster" not in (await prompts.at_b("on nobody la")).err
    world.peering = None
    assert "is another cluster" not in (await prompts.at_b("on ay la")).err


async def test_without_a_cluster_it_is_said_how_to_begin_one(prompts: Prompts) -> None:
    prompts.b.here.world.peering = None
    said = await prompts.at_b("on ay/@all la")
    assert (said.code, "host invite" in said.err) == (1, True)


async def test_a_change_at_a_cluster_nobody_knows_is_written_down_too(prompts: Prompts) -> None:
    assert (await prompts.at_b("on nobody/@all restart web")).code == 5
    assert (await prompts.at_b("audit -o json")).json()[-1]["target"] == "nobody"


async def test_a_command_from_elsewhere_is_not_passed_on(prompts: Prompts) -> None:
    said = await prompts.at_b("on ay/@all la", actor="3f" * 32)
    assert (said.code, "does not pass on" in said.err) == (7, True)


async def test_a_change_is_written_down_on_both_sides(prompts: Prompts) -> None:
    await prompts.at_a("peer cluster bee --share web --role operate")
    said = await prompts.at_b("on ay/a restart web")
    assert (said.code, "ay/a/1" in said.out) == (0, True)
    ours = (await prompts.at_b("audit -o json")).json()[-1]
    assert (ours["verb"], ours["target"], ours["local"], ours["state"]) == ("restart", KEY_A, True, "done")
    assert ours["argv"] == ["on", "ay/a", "restart", "web"]
    theirs = (await prompts.at_a("audit -o json")).json()[-1]
    assert (theirs["verb"], theirs["actor"], theirs["local"]) == ("restart", B.name, False)


async def test_a_host_that_fails_is_exit_1_and_one_that_is_away_a_row(prompts: Prompts) -> None:
    prompts.a.there.away = True
    said = await prompts.at_b("on ay/@all la")
    assert (said.code, "ay/a-2" in said.err, "ay/a/1" in said.out) == (1, True, True)


async def test_an_answer_that_says_nothing_is_said_so(
    prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(one: object, asked: object) -> Answer:
        return Answer(code=77)

    monkeypatch.setattr(prompts.b.gateway, "ask", ask)
    said = await prompts.at_b("on ay/@all la")
    assert (said.code, "did not say why" in said.err) == (1, True)
