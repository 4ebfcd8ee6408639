"""Desired state over several hosts in one process: what comes up where, moves, and never doubles."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.desired import Cluster, cluster, quick, replaced
from viscript.cluster.desired import leader, side
from viscript.cluster.desired.keys import Assignment, Claim, Observed, Slot, pack
from viscript.cluster.desired.record import Mode
from viscript.statestore.api import Delete, Put
from viscript.statestore.errors import Refused
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase
from viscript.verbs.table import Role


@pytest.fixture
async def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    quick(monkeypatch)
    async with cluster(tmp_path, 3) as made:
        yield made


async def test_what_is_deployed_comes_up_once_each(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"], count=6)
    await three.until(lambda: len(three.where()) == 6)
    assert set(Counter(three.where().values()).values()) == {2}
    assert all(fence > 0 for _, _, _, fence in three.log)


async def test_a_lost_host_is_taken_over_under_a_higher_fence_and_does_not_take_back(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"], count=3)
    await three.until(lambda: len(three.where()) == 3)
    await three.until(lambda: len(three.hosts["h2"].side.mirror.observed()) == 3)
    number, label = next(iter(three.where().items()))
    lost = three.hosts[label]
    await lost.die()
    await three.until(lambda: len(three.where()) == 3)
    first, second = three.fences(("web", number))
    assert second > first
    taker = three.hosts[three.where()[number]]
    told = taker.apps.held()["web", number].entry.deployed
    assert told is not None
    assert told.moved_from == f"{label}/1"
    places = three.where()
    await lost.begin()
    await three.until(lambda: lost.side.lease.id and lost.side.mirror.fresh)
    await three.settled()
    assert three.where() == places


async def test_a_host_whose_way_is_cut_gives_up_what_moved_when_it_is_back(three: Cluster) -> None:
    """Its keeper would have ended the apps; here nobody did, so that the claim alone decides."""
    await three.deploy(three.hosts["h1"], count=1)
    await three.until(lambda: three.where())
    cut = three.hosts[three.where()[1]]
    cut.way.cut()
    others = [one for one in three.hosts.values() if one is not cut]
    await three.until(lambda: any(one.apps.up() for one in others))
    assert cut.apps.up(), "a store that is away stops nothing"
    cut.way.mend()
    await three.until(lambda: not cut.apps.up())
    assert three.where()[1] != cut.label


async def test_what_lost_its_lease_while_nobody_took_over_comes_back_where_it_was(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"], place="h2")
    await three.until(lambda: three.where() == {1: "h2"})
    three.hosts["h2"].apps.end(1, Phase.STOPPED, "lease-lost")
    await three.until(lambda: three.where() == {1: "h2"})


async def test_a_new_order_replaces_one_instance_after_the_other(three: Cluster) -> None:
    body = await three.deploy(three.hosts["h1"], count=3)
    await three.until(lambda: len(three.where()) == 3)
    await three.until(lambda: len(three.hosts["h1"].side.mirror.observed()) == 3)
    begun = len(three.log)
    await three.deploy(three.hosts["h2"], **replaced(body, args=("new",)))
    await three.until(lambda: len(three.log) == begun + 6)
    numbers = [(what, slot[1]) for what, _, slot, _ in three.log[begun:]]
    assert numbers == [(what, number) for number in (1, 2, 3) for what in ("stop", "start")]
    assert len(three.where()) == 3


async def test_fewer_instances_are_stopped_and_more_are_started(three: Cluster) -> None:
    body = await three.deploy(three.hosts["h1"], count=3)
    await three.until(lambda: len(three.where()) == 3)
    body = await three.deploy(three.hosts["h1"], **replaced(body, count=1))
    await three.until(lambda: set(three.where()) == {1})
    await three.deploy(three.hosts["h1"], **replaced(body, count=2))
    await three.until(lambda: set(three.where()) == {1, 2})


async def test_what_is_taken_away_ends_and_its_claims_are_gone(three: Cluster) -> None:
    body = await three.deploy(three.hosts["h1"], count=2)
    await three.until(lambda: len(three.where()) == 2)
    await three.deploy(three.hosts["h1"], **replaced(body, gone=True))
    await three.until(lambda: not three.where())
    await three.until(lambda: not three.hosts["h1"].side.mirror.claims())
    await three.until(lambda: not three.hosts["h1"].side.mirror.assigned())


async def test_a_key_that_somebody_removed_takes_nothing_away(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"])
    await three.until(lambda: three.where())
    begun = len(three.log)
    before = three.hosts["h1"].side.mirror.revision("desired/")
    await three.store.txn((), (Delete("desired/web"),))
    await three.until(lambda: three.hosts["h1"].side.mirror.revision("desired/") > before)
    await three.settled()
    assert len(three.log) == begun


async def test_a_drained_host_gives_all_up_and_a_paused_one_keeps_it(three: Cluster) -> None:
    h1, h2 = three.hosts["h1"], three.hosts["h2"]
    await three.deploy(h1, count=3)
    await three.until(lambda: len(three.where()) == 3)
    await three.order(h1, h2, Mode.PAUSED)
    await three.until(lambda: h1.side.mirror.book.mode(h2.key) is Mode.PAUSED)
    await three.settled(0.2)
    assert "h2" in three.where().values()
    await three.order(h1, h2, Mode.DRAINED, 2)
    await three.until(lambda: len(three.where()) == 3 and "h2" not in three.where().values())
    await three.order(h1, h2, Mode.NORMAL, 3)
    await three.deploy(h1, "other", count=3)
    await three.until(lambda: len(three.where("other")) == 3)
    assert "h2" in three.where("other").values()


async def test_an_instance_is_moved_by_hand(three: Cluster) -> None:
    body = await three.deploy(three.hosts["h1"])
    await three.until(lambda: three.where())
    target = next(one for one in three.hosts.values() if one.label != three.where()[1])
    await three.deploy(three.hosts["h1"], **replaced(body, pins={1: target.key}))
    await three.until(lambda: three.where() == {1: target.label})


async def test_what_ended_by_itself_and_then_moved_begins_when_it_comes_back(three: Cluster) -> None:
    h1, h2 = three.hosts["h1"], three.hosts["h2"]
    body = await three.deploy(h1, pins={1: h1.key})
    await three.until(lambda: three.where() == {1: "h1"})
    h1.apps.end(h1.apps.held()["web", 1].seq, Phase.STOPPED, "")
    moved = await three.deploy(h1, **replaced(body, pins={1: h2.key}))
    await three.until(lambda: three.where() == {1: "h2"})
    await three.deploy(h1, **replaced(moved, pins={1: h1.key}))
    await three.until(lambda: three.where() == {1: "h1"})


async def test_what_is_deployed_again_after_it_was_taken_away_begins(three: Cluster) -> None:
    h1 = three.hosts["h1"]
    body = await three.deploy(h1, place="h1")
    await three.until(lambda: three.where())
    h1.apps.end(h1.apps.held()["web", 1].seq, Phase.STOPPED, "")
    gone = await three.deploy(h1, **replaced(body, gone=True))
    await three.until(lambda: h1.apps.held()["web", 1].entry.deployed.what == "")  # type: ignore[union-attr]
    await three.deploy(h1, **replaced(gone, gone=False))
    await three.until(lambda: three.where() == {1: "h1"})


async def test_hosts_that_all_come_up_together_keep_what_they_had(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"], count=3)
    await three.until(lambda: len(three.where()) == 3)
    places = three.where()
    for one in three.hosts.values():
        await one.die()
    for one in three.hosts.values():
        await one.begin()
        await three.settled(0.2)
    await three.until(lambda: len(three.where()) == 3)
    assert three.where() == places


async def test_no_host_fills_the_memory_of_others_with_instances_it_says_to_have(three: Cluster) -> None:
    h1 = three.hosts["h1"]
    await three.deploy(h1)
    await three.until(lambda: three.where() and h1.side.mirror.observed())
    made_up = {("web", 10**6), ("no-such-app", 1)}
    for app, number in made_up:
        said = Observed(app=app, number=number, seq=1, state="ready")
        await three.put(f"observed/{h1.key.hex()}/{number}", pack(said))
    await three.until(lambda: made_up <= h1.side.mirror.observed().keys())
    h1.side.look()
    assert list(h1.side._last_seen) == [("web", 1)]


async def test_places_are_kept_to(three: Cluster) -> None:
    edge = await three.add(role=Role.VIEW, role_label="edge", zone="a")
    await three.deploy(three.hosts["h1"], count=3, place="zone=a")
    await three.until(lambda: len(three.where()) == 3)
    assert set(three.where().values()) == {edge.label}


# Who writes to the store runs nothing.


async def test_a_record_written_by_hand_runs_nothing(three: Cluster) -> None:
    viewer = await three.add(role=Role.VIEW)
    body = await three.deploy(viewer)
    await three.put("desired/hand", b"run this")
    await three.put("assign/web/1", pack(Assignment(three.hosts["h1"].key)))
    await three.put("assign/hand/1", pack(Assignment(three.hosts["h1"].key)))
    await three.until(lambda: {"web", "hand"} <= three.hosts["h1"].side.mirror.book.refused.keys())
    await three.settled()
    assert three.log == []
    kinds = {(kind, subject) for kind, subject, _ in three.hosts["h1"].told}
    assert kinds == {("order.refused", "deployment/web"), ("order.refused", "deployment/hand")}
    three.vouch(viewer, version=2, role=Role.OPERATE)
    await three.until(lambda: three.where())
    assert body.app not in three.hosts["h1"].side.mirror.book.refused


async def test_an_assignment_to_a_place_that_was_not_ordered_runs_nothing(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"], place="h2")
    await three.until(lambda: three.where() == {1: "h2"})
    await three.put("assign/web/1", pack(Assignment(three.hosts["h3"].key)))
    await three.settled()
    assert "h3" not in {label for what, label, _, _ in three.log}


async def test_an_old_order_brought_back_runs_nothing(three: Cluster) -> None:
    body = await three.deploy(three.hosts["h1"])
    await three.until(lambda: three.where())
    old = await three.store.get("desired/web")
    await three.deploy(three.hosts["h1"], **replaced(body, gone=True))
    await three.until(lambda: not three.where())
    assert old is not None
    await three.put("desired/web", old.value)
    await three.until(lambda: "older" in three.hosts["h1"].side.mirror.book.refused.get("web", ""))
    await three.settled()
    assert not three.where()


async def test_what_runs_goes_on_when_its_signer_is_put_out_and_nothing_new_begins(three: Cluster) -> None:
    signer = await three.add(role=Role.OPERATE)
    await three.deploy(signer, count=1, place="h1")
    await three.until(lambda: three.where() == {1: "h1"})
    three.vouch(signer, version=2, gone=True)
    await three.settled(0.3)
    assert three.where() == {1: "h1"}
    three.hosts["h1"].apps.end(1, Phase.STOPPED, "lease-lost")
    await three.settled()
    assert not three.where()


async def test_a_claim_of_an_earlier_life_is_not_ours(three: Cluster) -> None:
    h1 = three.hosts["h1"]
    lease = (await three.store.lease(1)).id
    await three.store.txn((), (Put("run/web/1", pack(Claim(h1.key)), lease),))
    await three.deploy(h1, place="h1")
    await three.until(lambda: three.where())
    assert three.fences(("web", 1))[0] > 1


# The store is away.


async def test_with_the_store_away_what_is_not_exclusive_starts_from_memory(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"], "free", place="h2", exclusive=False)
    await three.deploy(three.hosts["h1"], "only", place="h2")
    await three.until(lambda: three.where("free") and three.where("only"))
    h2 = three.hosts["h2"]
    await h2.die()
    h2.way.cut()
    await h2.begin()
    await three.until(lambda: three.where("free") == {1: "h2"})
    await three.settled()
    assert three.where("only") == {}
    assert "cut" in h2.side.mirror.fault
    assert "cut" in h2.side.lease.fault
    h2.way.mend()
    await three.until(lambda: three.where("only") == {1: "h2"})


async def test_a_leader_that_is_cut_stops_deciding_and_another_decides(three: Cluster) -> None:
    await three.until(lambda: any(one.side.leader.fence for one in three.hosts.values()))
    first = next(one for one in three.hosts.values() if one.side.leader.fence)
    fence = first.side.leader.fence
    first.way.cut()
    await three.until(lambda: any(one.side.leader.fence > fence for one in three.hosts.values()))
    by = next(one for one in three.hosts.values() if one is not first)
    await three.deploy(by, count=2)
    await three.until(lambda: len(three.where()) == 2)
    assert first.label not in three.where().values()
    first.way.mend()
    await three.until(lambda: first.side.lease.id and not first.side.lease.fault)
    await three.settled(0.2)
    assert sum(one.side.leader.fence > 0 for one in three.hosts.values()) == 1


async def test_a_leader_that_resigns_is_followed_at_once(three: Cluster) -> None:
    await three.until(lambda: any(one.side.leader.fence for one in three.hosts.values()))
    first = next(one for one in three.hosts.values() if one.side.leader.fence)
    fence = first.side.leader.fence
    await first.side.leader.resign(fence)
    await three.until(lambda: any(one.side.leader.fence > fence for one in three.hosts.values()))


async def test_a_leader_that_leaves_the_cluster_moves_nothing_and_is_followed(three: Cluster) -> None:
    await three.until(lambda: any(one.side.leader.fence for one in three.hosts.values()))
    first = next(one for one in three.hosts.values() if one.side.leader.fence)
    fence, by = first.side.leader.fence, next(one for one in three.hosts.values() if one is not first)
    await three.deploy(by, count=5)
    await three.until(lambda: len(three.where()) == 5)
    places = three.where()
    assigned = {item.key: item.value for item in (await three.store.range("assign/")).items}
    first.leave()
    await three.until(lambda: any(one.side.leader.fence > fence for one in three.hosts.values()))
    await three.settled()
    assert not first.side.leader.fence
    assert {item.key: item.value for item in (await three.store.range("assign/")).items} == assigned
    assert three.where() == places


async def test_a_leader_that_may_no_more_and_cannot_even_say_so_is_followed(
    three: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a primary that lets this host's role write nothing of that any more."""
    await three.until(lambda: any(one.side.leader.fence for one in three.hosts.values()))
    first = next(one for one in three.hosts.values() if one.side.leader.fence)
    fence = first.side.leader.fence

    async def refused(_: int) -> None:
        raise Refused("the role view may not write leader")

    monkeypatch.setattr(first.side.leader, "resign", refused)
    first.leave()
    await three.until(lambda: any(one.side.leader.fence > fence for one in three.hosts.values()))
    assert not first.side.leader.fence


async def test_of_the_hosts_of_a_primary_only_those_plan_that_may_operate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    monkeypatch.setattr(leader, "LOOK_S", 0.05)
    async with cluster(tmp_path, 0) as made:
        for role in (Role.VIEW, Role.OPERATE):
            await made.add(role=role, engine="host")
        viewer, operator = made.hosts["h1"].side, made.hosts["h2"].side
        await made.until(lambda: operator.leader.fence)
        assert not viewer.leader.fence
        await made.hosts["h2"].die()
        await made.settled()
        assert not viewer.leader.fence
        made.hosts["h1"].way.engine = "sqlite"  # it is the primary itself
        await made.until(lambda: viewer.leader.fence)


async def test_an_instance_that_cannot_be_started_is_said_and_tried_again(three: Cluster) -> None:
    h2 = three.hosts["h2"]
    h2.apps.fail = "no such program"
    await three.deploy(three.hosts["h1"], place="h2")
    await three.until(lambda: h2.side.controller.faults.get(("web", 1)) == "no such program")
    h2.apps.fail = ""
    await three.until(lambda: three.where() == {1: "h2"})
    assert not h2.side.controller.faults


async def test_an_app_that_a_host_does_not_know_is_said(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"], entry=b"", place="h2")
    await three.until(
        lambda: "no app is named" in three.hosts["h2"].side.controller.faults.get(("web", 1), "")
    )


async def test_an_order_that_this_version_does_not_understand_is_said(three: Cluster) -> None:
    await three.deploy(three.hosts["h1"], entry=b"\xc1", place="h2")
    await three.until(lambda: "older" in three.hosts["h2"].side.controller.faults.get(("web", 1), ""))


async def test_a_part_that_fails_begins_anew(
    three: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    h2 = three.hosts["h2"]
    await h2.die()
    monkeypatch.setattr(side, "ANEW_S", 0.05)
    real, faults = h2.apps.held, [ZeroDivisionError("ours")]

    def held() -> dict[Slot, Managed]:
        if faults:
            raise faults.pop()
        return real()

    await h2.begin()
    await three.until(lambda: h2.side.lease.id)
    monkeypatch.setattr(h2.side.observing, "_held", held)
    h2.side.observing.look()
    await three.until(lambda: "one part failed" in caplog.text)
    await three.deploy(three.hosts["h1"], place="h2")
    await three.until(lambda: three.hosts["h1"].side.mirror.observed())


async def test_what_is_written_of_apps_nobody_ordered_is_not_remembered(three: Cluster) -> None:
    h1, h2, _ = three.hosts.values()
    await three.deploy(h1)
    await three.until(lambda: three.where())
    for number in range(20):
        seen = Observed(app=f"made-up-{number}", number=1, seq=1, state="ready")
        await three.put(f"observed/{h2.key.hex()}/{1000 + number}", pack(seen))
        await three.put(f"assign/web/{2 + number}", pack(Assignment(h2.key)))
    await three.until(lambda: len(h1.side.mirror.observed()) >= 20)
    h1.side.look()
    assert h1.side._last_seen.keys() == {("web", 1)}
