"""Orders that are given: versions rise, nobody's is lost, and who may not is told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.support.desired import Cluster, FakeHost, cluster, quick
from viscript.cluster.desired.ordering import CannotOrder, Ordering
from viscript.cluster.desired.record import Mode
from viscript.cluster.roster import Roster
from viscript.config.model import App
from viscript.statestore.errors import StoreAway
from viscript.supervisor.api import AppEntry
from viscript.verbs.table import Role


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    quick(monkeypatch)
    async with cluster(tmp_path, 2) as made:
        yield made


def by(one: FakeHost) -> Ordering:
    return Ordering(one.side, one.identity)


async def test_each_order_has_the_next_version_whoever_gives_it(two: Cluster) -> None:
    h1, h2 = two.hosts.values()
    first = await by(h1).deploy("web", count=2)
    second = await by(h2).change("web", count=3)
    third = await by(h1).remove("web")
    assert [one.version for one in (first, second, third)] == [1, 2, 3]
    assert (second.count, third.count, third.gone) == (3, 3, True)
    assert (await by(h2).deploy("web")).version == 4


async def test_orders_at_one_moment_are_all_given(two: Cluster) -> None:
    await by(two.hosts["h1"]).deploy("web")
    done = await asyncio.gather(*[by(one).restart("web") for one in two.hosts.values()])
    assert sorted(one.version for one in done) == [2, 3]
    assert max(one.restarts for one in done) == 2


async def test_an_order_counts_here_at_once(two: Cluster) -> None:
    h1 = two.hosts["h1"]
    await by(h1).deploy("web")
    assert list(h1.side.mirror.deployments()) == ["web"]


async def test_a_forged_record_in_the_way_is_written_over(two: Cluster) -> None:
    await two.put("desired/web", b"written by hand")
    assert (await by(two.hosts["h1"]).deploy("web")).version == 1


async def test_one_instance_is_moved_and_others_keep_their_pins(two: Cluster) -> None:
    h1, h2 = two.hosts.values()
    await by(h1).deploy("web", count=2)
    await by(h1).move("web", 1, h2.key)
    assert (await by(h2).move("web", 2, h1.key)).pins == {1: h2.key, 2: h1.key}


async def test_a_move_past_the_place_is_refused_where_it_would_change_more(two: Cluster) -> None:
    h1, h2 = two.hosts["h1"], two.hosts["h2"]
    await by(h1).deploy("web", place="h1*")
    with pytest.raises(CannotOrder, match=r"web is for h1\*, which h2 is not"):
        await by(h1).move("web", 1, h2.key)
    await by(h1).deploy("web", place="h1", file=h1.key)
    with pytest.raises(CannotOrder, match="has web run on h1: change it there"):
        await by(h1).move("web", 1, h2.key)
    assert (await by(h1).move("web", 1, h1.key)).pins == {1: h1.key}


async def test_a_host_is_drained_by_the_same_rules(two: Cluster) -> None:
    h1, h2 = two.hosts.values()
    assert (await by(h1).host(h2.key, Mode.DRAINED)).version == 1
    assert h1.side.mirror.book.mode(h2.key) is Mode.DRAINED
    assert (await by(h2).host(h2.key, Mode.NORMAL)).version == 2


async def test_what_is_not_deployed_cannot_be_changed(two: Cluster) -> None:
    ordering = by(two.hosts["h1"])
    for work in (ordering.remove("web"), ordering.restart("web"), ordering.move("web", 1, b"x" * 32)):  # type: ignore[arg-type]  # a key of the test's own
        with pytest.raises(CannotOrder, match="not deployed"):
            await work


async def test_who_may_not_is_told_before_anything_is_written(two: Cluster) -> None:
    viewer = await two.add(role=Role.VIEW)
    with pytest.raises(CannotOrder, match="--role operate") as refused:
        await by(viewer).deploy("web")
    assert refused.value.denied
    two.roster = None  # type: ignore[assignment]  # a host that left
    with pytest.raises(CannotOrder, match="no cluster") as alone:
        await by(viewer).deploy("web")
    assert not alone.value.denied
    two.roster = Roster(viewer.key)


async def test_with_the_store_away_nothing_is_ordered(two: Cluster) -> None:
    h1 = two.hosts["h1"]
    h1.way.cut()
    with pytest.raises(StoreAway):
        await by(h1).deploy("web")
    h1.way.mend()


async def test_who_is_always_too_late_is_told(two: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> bool:
        return False

    ordering = by(two.hosts["h1"])
    monkeypatch.setattr(ordering, "_written", never)
    with pytest.raises(CannotOrder, match="somebody else deploys"):
        await ordering.deploy("web")
    with pytest.raises(CannotOrder, match="somebody else gives orders"):
        await ordering.host(two.hosts["h2"].key, Mode.PAUSED)


EVIL = AppEntry(name="web", source="config.yaml", spec=App(command=("/bin/evil",)), argv=("/bin/evil",))


async def test_what_an_operator_had_an_order_carry_is_signed_by_no_admin(two: Cluster) -> None:
    operator = await two.add(role=Role.OPERATE)
    await two.deploy(operator, entry=msgspec.msgpack.encode(EVIL))
    h1, h2 = two.hosts["h1"], two.hosts["h2"]
    assert (await by(h1).restart("web")).entry == b""
    await two.deploy(operator, entry=msgspec.msgpack.encode(EVIL), version=3)
    assert (await by(h1).move("web", 1, h2.key)).entry == b""
    await two.deploy(operator, entry=msgspec.msgpack.encode(EVIL), version=5)
    changed = await by(h1).change("web", count=2)
    assert (changed.entry, changed.role) == (b"", Role.OPERATE)
    again = await by(h2).restart("web")  # an admin's, on what an admin signed for an operator
    assert again.role is Role.OPERATE
    assert (await by(h1).deploy("web")).role is Role.ADMIN


async def test_what_an_admin_had_an_order_carry_goes_on_with_it(two: Cluster) -> None:
    body = await two.deploy(two.hosts["h2"], env={"PORT": "80"})
    anew = await by(two.hosts["h1"]).restart("web")
    assert (anew.entry, anew.env) == (body.entry, body.env)


async def test_an_environment_of_an_operators_is_ordered_anew_or_not_at_all(two: Cluster) -> None:
    operator = await two.add(role=Role.OPERATE)
    await two.deploy(operator, env={"LD_PRELOAD": "/tmp/evil.so"})
    with pytest.raises(CannotOrder, match="no admin: `deploy` it anew"):
        await by(two.hosts["h1"]).restart("web")
    gone = await by(two.hosts["h1"]).remove("web")
    assert (gone.gone, gone.entry, gone.env) == (True, b"", {})


async def test_who_asks_an_admins_host_has_its_key_sign_no_program(two: Cluster) -> None:
    asked = by(two.hosts["h1"]).asked_by(Role.OPERATE)
    body = await asked.deploy("web", entry=msgspec.msgpack.encode(EVIL), env={"A": "b"})
    assert (body.entry, body.env, body.role) == (b"", {}, Role.OPERATE)


async def test_an_operator_drains_no_host(two: Cluster) -> None:
    operator = await two.add(role=Role.OPERATE)
    with pytest.raises(CannotOrder, match="less than the role admin") as refused:
        await by(operator).host(two.hosts["h1"].key, Mode.DRAINED)
    assert refused.value.denied
