"""Desired state as people see it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.desired import Cluster, cluster, quick, replaced
from viscript.cluster.desired.record import Mode
from viscript.cluster.desired.showing import UNREAD, Shown, shown
from viscript.supervisor.lifecycle import Phase
from viscript.verbs.table import Role


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    quick(monkeypatch)
    async with cluster(tmp_path, 2) as made:
        yield made


def row(two: Cluster, app: str = "web", number: int = 1) -> Shown:
    rows = shown(two.hosts["h1"].side)
    return next((one for one in rows if (one.app, one.number) == (app, number)), Shown(app="", number=0))


async def test_what_runs_is_shown_with_its_id_and_fence(two: Cluster) -> None:
    await two.deploy(two.hosts["h1"], place="h2")
    await two.until(lambda: row(two).state == "ready")
    found = row(two)
    assert (found.host, found.seq, found.reason) == ("h2", 1, "")
    assert found.fence == two.fences(("web", 1))[0]


async def test_with_the_store_away_a_host_tells_of_itself_what_is_so_now(two: Cluster) -> None:
    h1 = two.hosts["h1"]
    await two.deploy(h1, place="h1")
    await two.deploy(h1, "other", place="h2")
    await two.until(lambda: (row(two).state, row(two, "other").state) == ("ready", "ready"))
    h1.way.cut()
    await two.put("desired/x", b"")  # the watch hears of nothing until something comes
    await two.until(lambda: h1.side.mirror.fault)
    h1.apps.end(h1.apps.held()["web", 1].seq, Phase.STOPPED, "lease-lost")
    assert (row(two).state, row(two, "other").state) == ("stopped", "ready")


async def test_before_the_store_was_reached_only_what_is_here_is_known(two: Cluster) -> None:
    h1 = two.hosts["h1"]
    await two.deploy(h1, place="h1")
    await two.deploy(h1, "other", place="h2")
    await two.until(lambda: (row(two).state, row(two, "other").state) == ("ready", "ready"))
    await h1.die(with_apps=False)
    h1.way.cut()
    await h1.begin()
    await two.until(lambda: h1.side.mirror.fault)
    assert (row(two).state, row(two).host) == ("ready", "h1")
    far = row(two, "other")
    assert (far.state, far.host, far.reason) == ("unknown", "h2", UNREAD)


async def test_what_a_host_gave_up_is_not_shown_as_being_there(two: Cluster) -> None:
    h1, h2 = two.hosts["h1"], two.hosts["h2"]
    body = await two.deploy(h1, pins={1: h1.key})
    await two.until(lambda: row(two).state == "ready")
    h2.apps.fail = "no"
    await two.deploy(h1, **replaced(body, pins={1: h2.key}))
    await two.until(lambda: two.fences(("web", 1)) and not two.where())
    await two.until(lambda: (row(two).state, row(two).host) == ("coming", "h2"))


async def test_what_no_host_may_run_says_so(two: Cluster) -> None:
    await two.deploy(two.hosts["h1"], place="role=edge")
    await two.until(lambda: row(two).state == "homeless")
    assert row(two).reason == "no host is meant by role=edge"
    await two.order(two.hosts["h1"], two.hosts["h2"], Mode.DRAINED)
    await two.until(lambda: two.hosts["h1"].side.mirror.book.mode(two.hosts["h2"].key) is Mode.DRAINED)
    await two.deploy(two.hosts["h1"], "other", place="h2")
    await two.until(lambda: "1 take no work" in row(two, "other").reason)


async def test_a_host_that_is_lost_is_named_when_there_is_no_other(two: Cluster) -> None:
    await two.deploy(two.hosts["h1"], place="h2")
    await two.until(lambda: row(two).state == "ready")
    await two.hosts["h2"].die()
    await two.until(lambda: row(two).state == "away")
    assert "h2 is not there" in row(two).reason


async def test_what_waits_for_its_turn_says_so(two: Cluster) -> None:
    body = await two.deploy(two.hosts["h1"], count=2)
    await two.until(lambda: row(two).state == "ready" and row(two, number=2).state == "ready")
    holder = two.hosts[row(two, number=1).host]
    holder.apps.end(holder.apps.held()["web", 1].seq, Phase.FATAL, "exited")
    await two.until(lambda: row(two).state == "fatal")
    holder.apps.fail = "no"
    await two.deploy(two.hosts["h1"], **replaced(body, args=("new",)))
    await two.until(lambda: "when its turn comes" in row(two, number=2).reason)


async def test_a_fault_and_a_refusal_are_shown(two: Cluster) -> None:
    two.hosts["h1"].apps.fail = "no such program"
    await two.deploy(two.hosts["h1"], place="h1")
    await two.until(lambda: row(two).reason == "no such program")
    await two.put("desired/hand", b"run this")
    await two.until(lambda: row(two, "hand", 0).state == "refused")


async def test_a_signer_who_was_put_out_is_told(two: Cluster) -> None:
    signer = await two.add(role=Role.OPERATE)
    await two.deploy(signer)
    await two.until(lambda: row(two).state == "ready")
    two.vouch(signer, version=2, gone=True)
    assert "deploy it anew" in row(two).reason
