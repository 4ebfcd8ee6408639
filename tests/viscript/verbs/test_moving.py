"""mv of what runs on another host: the host that is typed on signs, the other one ends it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.support.audits import AuditInMemory
from tests.support.desired import Cluster, FakeHost, cluster, quick
from tests.support.fake_world import FakeWorld, instance
from tests.support.far_hosts import Hosts, far_hosts
from tests.support.verbs import say
from viscript.cluster.desired.ordering import Ordering
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.statestore.errors import Unclear
from viscript.supervisor.api import AppEntry, Deployed
from viscript.verbs import moving
from viscript.verbs.table import Role


class Bench:
    """h1, an admin's host, where commands are typed; h2, which may only view, and has the app; h3."""

    def __init__(self, hosts: Hosts, cluster: Cluster) -> None:
        self.hosts = hosts
        self.cluster = cluster
        self.there: FakeWorld = hosts["h2"].world
        for label in ("h1", "h2"):
            one = cluster.hosts[label]
            hosts[label].world.desired = (one.side, Ordering(one.side, one.identity))

    @property
    def admin(self) -> FakeHost:
        return self.cluster.hosts["h1"]

    def change(self, **fields: object) -> None:
        """Let the entry of the app on h2 be another."""
        item = self.there.fake.known[7]
        entry = msgspec.structs.replace(item.entry, **fields)
        self.there.fake.known[7] = msgspec.structs.replace(item, entry=entry)

    @property
    def state(self) -> State:
        return self.there.fake.known[7].state


@pytest.fixture
async def bench(short_tmp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    quick(monkeypatch)
    async with (
        cluster(tmp_path, 1) as made,
        far_hosts(short_tmp, h1=[], h2=[instance(7, "web")], h3=[]) as hosts,
    ):
        for role in (Role.VIEW, Role.VIEW):
            await made.add(role=role)
        everybody = {one.key for one in made.hosts.values()}
        await made.until(lambda: all(one.side.mirror.alive() == everybody for one in made.hosts.values()))
        yield Bench(hosts, made)


async def test_the_order_is_signed_by_the_host_it_is_typed_on(bench: Bench) -> None:
    bench.hosts.first.world.audit = audit = AuditInMemory()
    said = await bench.hosts.say("mv h2/7 h3")
    assert (said.code, said.err) == (0, "")
    assert "h2/7 is stopped there and ordered on h3" in said.out
    assert bench.state is State.STOPPED
    await bench.cluster.until(lambda: bench.cluster.where() == {1: "h3"})
    order = bench.admin.side.mirror.deployments()["web"]
    assert order.by == bench.admin.key
    (managed,) = bench.cluster.hosts["h3"].apps.up().values()
    assert managed.entry.deployed is not None
    assert managed.entry.deployed.moved_from == "h2/7"
    row = (await bench.hosts.say("audit -o json")).json()[-1]
    assert (row["argv"], row["state"]) == (["mv", "h2/7", "h3"], "done")
    audit.close()


@pytest.mark.parametrize("command", ["mv h2/web h3 -o json", "mv web h3 --host h2 -o json"])
async def test_it_may_be_named_as_any_target(bench: Bench, command: str) -> None:
    said = await bench.hosts.say(command)
    assert said.valid("mv")["app"] == "web"
    assert bench.state is State.STOPPED


async def test_what_is_deployed_is_pinned(bench: Bench) -> None:
    await bench.cluster.deploy(bench.admin)
    await bench.cluster.until(lambda: bench.cluster.where())
    bench.change(deployed=Deployed(app="web", number=1, version=1), source="deployed")
    other = next(label for label in ("h1", "h2", "h3") if label != bench.cluster.where()[1])
    said = await bench.hosts.say(f"mv h2/7 {other}")
    assert f"web/1 goes to {other}" in said.out
    await bench.cluster.until(lambda: bench.cluster.where() == {1: other})


async def test_what_cannot_be_ordered_runs_on_there(bench: Bench) -> None:
    bench.admin.way.cut()
    said = await bench.hosts.say("mv h2/7 h3")
    assert said.code == ExitCode.UNREACHABLE
    assert bench.state is State.RUNNING
    assert bench.there.fake.known[7].generation > 1, "it was started again"
    bench.admin.way.mend()


async def test_what_may_have_been_ordered_is_not_started_there_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise Unclear("no answer")

    monkeypatch.setattr(Ordering, "deploy", lost)
    said = await bench.hosts.say("mv h2/7 h3")
    assert "may have been given or not" in said.err
    assert bench.state is State.STOPPED


async def test_what_would_not_count_ends_nothing(bench: Bench) -> None:
    for command, words in (
        ("mv h2/99 h3", "99"),
        ("mv h2/7 h9", 'no host "h9"'),
    ):
        said = await bench.hosts.say(command)
        assert said.code == ExitCode.NOT_FOUND
        assert words in said.err
    bench.there.fake.known[7] = msgspec.structs.replace(bench.there.fake.known[7], name="shop")
    bench.change(source="plugin web")
    assert "which other hosts know by that name only" in (await bench.hosts.say("mv h2/7 h3")).err
    bench.there.fake.known[7] = msgspec.structs.replace(bench.there.fake.known[7], name="web")
    bench.change(source="external")
    assert "joined by itself" in (await bench.hosts.say("mv h2/7 h3")).err
    bench.change(source="run")
    bench.cluster.vouch(bench.admin, version=2, role=Role.OPERATE)
    said = await bench.hosts.say("mv h2/7 h3")
    assert said.code == ExitCode.NOT_PERMITTED
    assert "only an admin's order brings its program along" in said.err
    bench.cluster.vouch(bench.admin, version=3, role=Role.ADMIN)
    await bench.cluster.deploy(bench.admin, place="h1")
    await bench.cluster.until(lambda: bench.admin.side.mirror.deployments())
    assert "deployed already" in (await bench.hosts.say("mv h2/7 h3")).err
    assert bench.state is State.RUNNING


async def test_to_a_host_that_takes_no_work_nothing_is_moved(bench: Bench) -> None:
    await bench.hosts.say("host pause h3")
    said = await bench.hosts.say("mv h2/7 h3")
    assert "h3 takes no work now" in said.err
    assert bench.state is State.RUNNING


async def test_a_host_that_may_only_view_moves_nothing_and_stops_nothing(bench: Bench) -> None:
    said = await say(bench.there, "mv 7 h3")
    assert said.code == ExitCode.NOT_PERMITTED
    assert "less than the role operate" in said.err
    assert (bench.state, bench.there.fake.known[7].generation) == (State.RUNNING, 1)


async def test_where_no_store_is_shared_the_other_host_is_asked(bench: Bench) -> None:
    bench.hosts.first.world.desired = None
    said = await bench.hosts.say("mv h2/7 h3")
    assert said.code == ExitCode.NOT_PERMITTED
    assert said.err.startswith("h2: on the other hosts this host's key")


async def test_a_draft_has_the_program_for_an_admin_only(bench: Bench) -> None:
    row = (await say(bench.there, "deploy draft 7 -o json")).valid("deploy draft")
    entry = msgspec.msgpack.decode(base64.b64decode(row["entry"]), type=AppEntry)
    assert (entry.name, row["app"], row["id"], row["host"]) == ("web", "web", 7, "h2")
    assert (await say(bench.there, "deploy draft 7")).out.endswith(": an order would call it web\n")
    row = (await say(bench.there, "deploy draft 7 -o json", role=Role.OPERATE)).json()
    assert row["entry"] == ""


async def test_an_answer_without_a_reason_still_says_what_failed() -> None:
    class Silent:
        label = "h2"

        async def ask(self, *argv: str) -> tuple[int, str, str]:
            return 99, "", ""

    with pytest.raises(VerbError, match="h2: `shutdown 7` failed with exit code 99") as caught:
        await moving._told(Silent(), "shutdown", "7")
    assert caught.value.code is ExitCode.FAILED


DRAFT = '{"app":"a","id":1,"name":"a","host":"h","source":"","entry":"?"}'


@pytest.mark.parametrize("said", ["", "[]", "{}", DRAFT])
async def test_an_answer_of_another_form_ends_nothing(said: str) -> None:
    class Odd:
        label = "h2"

        async def ask(self, *argv: str) -> tuple[int, str, str]:
            assert "draft" in argv
            return 0, said, ""

    with pytest.raises(VerbError, match="h2 answers otherwise than this version understands"):
        await moving._draft_of(Odd(), "7")
