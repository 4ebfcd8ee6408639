"""audit verify, with what others have; and both verbs of the audit for a host that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from signal_bus.ids import PublicKey
from tests.support.audits import HOST, AuditInMemory, Rows, chain
from tests.support.fake_world import FakeWorld, instance
from tests.support.far_hosts import Hosts, far_hosts
from tests.support.rosters import host, vouched
from tests.support.verbs import say
from viscript.cluster.audit.comparing import Difference
from viscript.cluster.audit.copies import Copies, packed
from viscript.cluster.audit.witnesses import Findings
from viscript.cluster.roster import Roster
from viscript.errors import ExitCode
from viscript.statestore.api import Item
from viscript.statestore.errors import StateStoreError, StoreAway


class Heard:
    """Witnesses that say what a test wants."""

    def __init__(self, found: Findings = Findings(None, 0), rows: Rows | None = None) -> None:  # noqa: B008 (frozen)
        self.found = found
        self.rows = rows
        self.fault: StateStoreError | None = None
        self.odd = b""

    async def heard(self) -> Findings:
        return self.found

    async def copies(self, host: PublicKey) -> Copies | None:
        if self.fault is not None:
            raise self.fault
        if self.rows is None:
            return None
        copies = Copies(HOST.public_key)
        copies.feed([Item("audit/x/1", packed(self.rows)[0], 1, 1)] if self.rows else [])
        copies.feed([Item("audit/x/2", self.odd, 1, 1)] if self.odd else [])
        return copies


@pytest.fixture
async def world() -> AsyncIterator[FakeWorld]:
    world = FakeWorld(instance(7, "web"))
    world.audit = AuditInMemory()
    await say(world, "sd 7")
    yield world
    world.audit.close()


async def test_it_is_said_who_else_has_it_so(world: FakeWorld) -> None:
    world.witnesses = Heard(Findings(copied=1, heard=1))
    said = await say(world, "audit verify")
    assert said.code == 0
    assert said.out == (
        "2 entries, signed by this host and in one chain; 1 of them as copied to the store;"
        " 1 other host knows its end\n"
    )
    world.witnesses = Heard(Findings(copied=None, heard=3, away="cut"))
    said = await say(world, "audit verify")
    assert "3 other hosts know its end" in said.out
    assert said.err == "the copies in the store cannot be read now: cut\n"
    assert (await say(world, "audit verify -o json")).valid("audit verify")["heard"] == 3


async def test_what_others_have_otherwise_is_a_failure(world: FakeWorld) -> None:
    world.witnesses = Heard(Findings(copied=4, heard=0, difference=Difference(3, "its end was cut off")))
    said = await say(world, "audit verify")
    assert (said.code, said.out) == (1, "entry 3 is not as others have it: its end was cut off\n")
    row = (await say(world, "audit verify -o json")).json()
    assert (row["ok"], row["broken"], row["entries"]) == (False, 3, 2)


async def test_a_forged_copy_is_a_failure_too(world: FakeWorld) -> None:
    world.witnesses = Heard(Findings(copied=2, heard=0, faults=("audit/x is no copy",)))
    said = await say(world, "audit verify")
    assert said.code == 1
    assert said.err == "audit/x is no copy\n"


@pytest.fixture
async def hosts(short_tmp: Path) -> AsyncIterator[Hosts]:
    async with far_hosts(short_tmp, m1=[], m2=[]) as found:
        found["m2"].lose(age=60.0)
        yield found


async def test_of_a_host_that_is_away_its_copies_are_shown(hosts: Hosts) -> None:
    hosts.first.world.witnesses = Heard(rows=chain(3))
    said = await hosts.say("audit -H m2 -o json")
    assert said.code == ExitCode.UNREACHABLE
    assert [row["ulid"][-1] for row in said.json()] == ["1", "2", "3"]
    assert said.err.startswith("m2 is away: it is down, last heard 1m00s ago; these are the copies")
    assert "up to entry 3" in said.err
    assert len((await hosts.say("audit -n 1 -H m2 -o json")).json()) == 1
    assert (await hosts.say("audit --actor cd -H m2 -o json")).json() == []
    said = await hosts.say("audit verify -H m2")
    assert said.code == ExitCode.UNREACHABLE
    assert said.out == "3 copied entries of m2, signed by it and in one chain, up to entry 3\n"


async def test_the_copies_of_a_host_that_was_put_out_are_shown_by_its_label_or_key(world: FakeWorld) -> None:
    members = [
        vouched(host(number), host(0), label=label) for number, label in ((1, "a"), (2, "a"), (3, "b"))
    ]
    gone = vouched(host(3), host(0), label="b", version=2, gone=True)
    world.book = SimpleNamespace(roster=Roster(host(0).public_key).merge([*members, gone]))
    world.witnesses = Heard(rows=chain(3))
    key = host(3).public_key.hex()
    for wanted in ("b", key, key[:8]):
        said = await say(world, f"audit --copies {wanted} -o json")
        assert (said.code, len(said.json())) == (0, 3)
        assert said.err == "these are the copies of b's audit in the store, up to entry 3\n"
    for wanted, code, words in (
        ("a", ExitCode.USAGE, "means 2 hosts"),
        ("c", ExitCode.NOT_FOUND, "ever known"),
    ):
        said = await say(world, f"audit --copies {wanted}")
        assert (said.code, words in said.err) == (code, True)
    world.witnesses = None
    said = await say(world, "audit --copies b")
    assert said.code == ExitCode.FAILED
    assert "no copies of the audit of b" in said.err
    world.book = None
    assert (await say(world, "audit --copies b")).code == ExitCode.NOT_FOUND


async def test_copies_that_are_none_are_said(hosts: Hosts) -> None:
    witnesses = hosts.first.world.witnesses = Heard(rows=[])
    witnesses.odd = b"odd"
    said = await hosts.say("audit verify -H m2")
    assert said.out == "0 copied entries of m2 are signed by it; not all is right\n"
    assert "audit/x/2 is no copy" in said.err
    assert "audit/x/2 is no copy" in (await hosts.say("audit -H m2")).err


@pytest.mark.parametrize("kind", ["no cluster", "nothing shared", "nothing copied", "away"])
async def test_without_copies_the_host_is_away_as_for_every_verb(hosts: Hosts, kind: str) -> None:
    heard = Heard(rows=[] if kind == "nothing copied" else None)
    heard.fault = StoreAway("cut") if kind == "away" else None
    hosts.first.world.witnesses = None if kind == "no cluster" else heard
    for verb in ("audit", "audit verify"):
        said = await hosts.say(f"{verb} -H m2")
        assert (said.code, said.out) == (ExitCode.UNREACHABLE, "")
        assert said.err.startswith("m2 is away")
