"""peer ...: other clusters at the prompt."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clusters import Side, two_clusters
from tests.support.rosters import host
from tests.support.verbs import Said, say
from viscript.cluster.peering.errand import Came, Errand, run
from viscript.cluster.peering.standing import Standing
from viscript.cluster.peering.terms import Ask
from viscript.cluster.peering.ways import Ways
from viscript.fingerprint import fingerprint
from viscript.verbs.core import builtin
from viscript.verbs.table import Role, Terminal

A, B = host(1), host(2)
KEY_A, KEY_B = A.name, B.name


class Prompts:
    """A prompt at each of two gateways."""

    def __init__(self, a: Side, b: Side) -> None:
        self.a, self.b = a, b
        for side in (a, b):
            side.here.world.peering = Peerings(side)

    async def at_a(self, command: str, **more: Any) -> Said:
        return await say(self.a.here.world, command, **more)

    async def at_b(self, command: str, **more: Any) -> Said:
        return await say(self.b.here.world, command, **more)

    async def peered(self) -> None:
        await self.at_a(f"peer cluster {KEY_B} --share web --as bee")
        assert (await self.at_b(f"peer accept {KEY_A[:10]} --share db --as ay")).code == 0


class Peerings:
    """What `world.peering` is in a daemon."""

    def __init__(self, side: Side) -> None:
        self.gateway = side.gateway

    async def ask(self, cluster: str, ask: Ask, role: Role) -> Came:
        table = builtin()
        return await run(self.gateway, table, Errand(cluster=cluster, ask=ask), role)

    def addresses(self) -> tuple[str, ...]:
        port = self.gateway.gate.port
        return () if port is None else (f"tcp://10.0.0.1:{port}",)

    async def listen(self, gateway: Any, port: int | None) -> None:
        gateway.gate.listen(port)

    async def deaf(self, gateway: Any) -> None:
        gateway.gate.deaf()


@pytest.fixture
async def prompts(short_tmp: Path) -> AsyncIterator[Prompts]:
    async with two_clusters(short_tmp, A, B) as (a, b):
        yield Prompts(a, b)


async def test_the_key_of_ones_own_cluster_is_shown_with_its_words(prompts: Prompts) -> None:
    said = await prompts.at_a("peer key")
    assert KEY_A in said.out
    assert fingerprint(KEY_A) in said.out
    assert "through the visor" in said.out
    assert (await prompts.at_a("peer key -o json")).valid("peer key")["public_key"] == KEY_A
    assert (await prompts.at_a("peer key -o name")).out.strip() == KEY_A
    prompts.a.gateway.ways = Ways()
    prompts.a.gateway.gate.deaf()
    said = await prompts.at_a(f"peer cluster {KEY_B} --share web")
    assert "they cannot ask this cluster before it can be reached" in said.err
    assert "no other cluster can reach it" in (await prompts.at_a("peer key")).out


async def test_a_port_is_opened_and_closed(prompts: Prompts) -> None:
    prompts.a.gateway.gate.deaf()
    row = (await prompts.at_a("peer listen -o json")).valid("peer listen")
    assert row["addresses"][0].startswith("tcp://10.0.0.1:")
    assert row["addresses"][0] in (await prompts.at_a("peer key")).out
    assert (await prompts.at_a("peer listen --off -o json")).json()["addresses"] == []
    assert (await prompts.at_a("peer listen --port 0")).code == 2


async def test_proposed_accepted_listed_and_ended(prompts: Prompts) -> None:
    said = await prompts.at_a(f"peer cluster {KEY_B} --share web --as bee")
    assert said.code == 0
    assert "is          proposed" in said.out
    assert fingerprint(KEY_B) in said.out
    (row,) = (await prompts.at_b("peer ls -o json")).valid("peer ls")
    assert (row["standing"], row["theirs"], row["words"]) == ("asks", ["web"], fingerprint(KEY_A))
    said = await prompts.at_b(f"peer accept {KEY_A[:10]} --share db --role operate --as ay")
    assert "they share: web (view)" in said.out
    assert "on ay/@all la" in said.out
    listed = (await prompts.at_a("peer ls")).out.splitlines()[1].split()
    assert listed == ["bee", "peered", "b", "web", "(view)", "db", "(operate)"]
    said = await prompts.at_a("peer rm bee")
    assert (said.code, said.out.strip(), said.err) == (0, "bee is a stranger again", "")
    assert "is no other" not in said.out
    assert (await prompts.at_a("peer ls")).out.startswith("no other cluster is known")
    assert prompts.b.register.get(prompts.a.key_of).standing is Standing.REFUSED


async def test_what_is_shared_is_changed_by_saying_it_again(prompts: Prompts) -> None:
    await prompts.peered()
    row = (await prompts.at_a("peer cluster bee --role operate -o json")).valid("peer cluster")
    assert (row["shared"], row["role"], row["name"]) == (["web"], "operate", "bee")
    row = (await prompts.at_a("peer cluster bee --share db,web -o json")).json()
    assert (row["shared"], row["role"]) == (["db", "web"], "operate")


async def test_who_cannot_be_told_now_is_told_later(prompts: Prompts) -> None:
    prompts.b.gateway.gate.close()
    said = await prompts.at_a(f"peer cluster {KEY_B} --share nothing-here")
    assert said.code == 0
    assert "they do not know yet" in said.err
    assert "this host knows no app nothing-here" in said.err
    said = await prompts.at_a(f"peer rm {KEY_B[:8]}")
    assert "finds out when it asks" in said.err


async def test_the_answers_are_what_their_schemas_say(prompts: Prompts) -> None:
    propose = f"peer cluster {KEY_B} --share web --as bee -o json"
    (await prompts.at_a(propose)).valid("peer cluster")
    (await prompts.at_b(f"peer accept {KEY_A[:8]} -o json")).valid("peer accept")
    (await prompts.at_a("peer rm bee -o json")).valid("peer rm")
    await prompts.at_b(f"peer rm {KEY_A[:8]}")
    (await prompts.at_a(propose)).valid("peer cluster")
    (await prompts.at_b(f"peer refuse {KEY_A[:8]} -o json")).valid("peer refuse")


async def test_who_asks_can_be_refused_and_is_then_not_heard(prompts: Prompts) -> None:
    await prompts.at_a(f"peer cluster {KEY_B} --share web")
    assert (await prompts.at_b(f"peer rm {KEY_A[:8]}")).code == 1
    said = await prompts.at_b(f"peer refuse {KEY_A[:8]}")
    assert (said.code, "not heard any more" in said.out) == (0, True)
    assert (await prompts.at_a("peer ls -o json")).json()[0]["standing"] == "refused"
    assert (await prompts.at_b(f"peer refuse {KEY_A[:8]}")).code == 1
    assert "does not ask" in (await prompts.at_b(f"peer accept {KEY_A[:8]}")).err


@pytest.mark.parametrize(
    "command, code, text",
    [
        ("peer cluster 1234 --share web", 5, "64 digits"),
        (f"peer cluster {'ff' * 32} --share web", 2, "is no key"),
        (f"peer cluster {KEY_A} --share web", 2, "your own cluster"),
        (f"peer cluster {KEY_B} --share a/b", 2, "--share takes"),
        (f"peer cluster {KEY_B} --share {','.join('abc' + str(n) for n in range(65))}", 2, "up to 64"),
        (f"peer cluster {KEY_B} --as 7", 2, "is no label"),
        (f"peer cluster {KEY_B} --at ftp://x:1", 2, "tcp://HOST:PORT"),
        (f"peer cluster {KEY_B} {'--at tcp://h:1 ' * 9}", 2, "at most 8"),
        (f"peer cluster {KEY_B} --role admin", 2, "view"),
        ("peer accept nobody", 5, "no cluster"),
        ("peer rm nobody", 5, "no cluster"),
    ],
)
async def test_mistakes_are_named(prompts: Prompts, command: str, code: int, text: str) -> None:
    said = await prompts.at_a(command)
    assert (said.code, text in said.err) == (code, True), said


async def test_on_a_host_without_the_key_it_is_said_where_to_go(prompts: Prompts) -> None:
    prompts.a.here.world.peering = None
    said = await prompts.at_a("peer ls")
    assert (said.code, "host invite" in said.err) == (1, True)
    prompts.a.here.world.book = InACluster()
    assert "where the cluster was founded" in (await prompts.at_a("peer ls")).err


class InACluster:
    roster = object()


async def test_a_screen_without_colour_shows_all_of_it(prompts: Prompts) -> None:
    await prompts.peered()
    plain = Terminal(out=True, err=True, columns=200, colour=False, ascii=True)
    wide = (await prompts.at_a("peer ls -o wide", terminal=plain)).out
    assert KEY_B in wide
