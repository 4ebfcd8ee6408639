"""The world a guest's command runs in: the shared apps, and not a word of others."""

from typing import Any

import pytest

from tests.support.fake_world import FakeWorld, entry, instance
from viscript.cluster.peering.terms import Share
from viscript.cluster.peering.view import View, shared
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.supervisor.api import AppEntry, Condition
from viscript.verbs.table import Role

SHARE = Share(apps=("web",), role=Role.OPERATE)
AD_HOC = AppEntry(name="web", source="run", spec=entry("web").spec, argv=("/bin/sh",))
LEAKY: dict[str, Any] = {
    "reason": "port 80 is held by db (pid 7)",
    "waiting_for": ("db",),
    "moved_from": "m9/4",
    "conditions": (Condition(type="Ready", status=False, reason="db does not answer"),),
}


def world() -> FakeWorld:
    return FakeWorld(instance(1, "web", **LEAKY), instance(2, "db"), instance(3, "web", entry=AD_HOC))


def view() -> tuple[View, FakeWorld]:
    made = world()
    return View(made, SHARE), made


def test_only_shared_apps_are_there_and_none_that_was_run_by_hand() -> None:
    found = shared(world().supervisor.instances(), SHARE)
    assert [one.seq for one in found] == [1]
    assert shared(world().supervisor.instances(), Share()) == []


def test_reasons_are_left_out_since_they_name_others() -> None:
    (one,) = shared(world().supervisor.instances(), SHARE)
    assert "db" not in repr(one)
    assert (one.conditions[0].type, one.conditions[0].status) == ("Ready", False)
    assert one.moved_from is None


def test_the_host_tells_its_label_and_nothing_else() -> None:
    made, of = view()
    facts = made.facts()
    assert (facts.label, facts.home, facts.public_key, facts.pid) == ("here", "", "", 0)
    assert made.now() == of.now()
    for name in ("book", "pairing", "store", "audit", "desired", "links", "far", "plugins", "peering"):
        assert getattr(made, name) is None
    for name in ("config", "events", "table", "home", "stop_daemon"):
        assert not hasattr(made, name)


async def test_every_way_to_an_app_that_is_not_shared_is_closed() -> None:
    made, of = view()
    supervisor = made.supervisor
    for seq in (2, 3, 99):
        for closed in (
            lambda seq=seq: supervisor.instance(seq),
            lambda seq=seq: supervisor.stop_layers([seq]),
            lambda seq=seq: supervisor.output_changed(seq, print),
        ):
            with pytest.raises(VerbError) as raised:
                closed()
            assert raised.value.code is ExitCode.NOT_PERMITTED
        for work in (
            supervisor.ping(seq),
            supervisor.stop(seq, grace=None, now=True, actor="x"),
            supervisor.restart(seq, grace=None, actor="x"),
            made.usage.fresh({seq: "x"}),
        ):
            with pytest.raises(VerbError) as raised:
                await work
            assert raised.value.code is ExitCode.NOT_PERMITTED
    assert of.fake.asked == []
    assert made.usage.quick().keys() == {1}


async def test_what_is_shared_can_be_reached() -> None:
    made, of = view()
    supervisor = made.supervisor
    assert (await supervisor.ping(1)).seconds is not None
    assert supervisor.stop_layers([1]) == [[1]]
    rung = []
    supervisor.output_changed(1, lambda: rung.append(1))
    of.fake.bells[1][0]()
    assert rung == [1]
    assert [row.id for row in await made.usage.fresh({1: "web"})] == [1]
    assert (await supervisor.restart(1, grace=None, actor="x")).ok
    assert (await supervisor.stop(1, grace=2.0, now=False, actor="x")).rung == "bus"
    assert of.fake.asked == [("restart", 1, None), ("stop", 1, 2.0, False)]


async def test_why_something_failed_is_told_at_home_only(monkeypatch: pytest.MonkeyPatch) -> None:
    made, of = view()
    of.fake.failing.add("web")
    with pytest.raises(VerbError, match="its own cluster can say why"):
        await made.supervisor.restart(1, grace=None, actor="x")

    async def refuse(*args: object, **options: object) -> None:
        raise VerbError(ExitCode.FAILED, "db needs it")

    monkeypatch.setattr(of.fake, "restart", refuse)
    monkeypatch.setattr(of.fake, "stop", refuse)
    for work in (
        made.supervisor.restart(1, grace=None, actor="x"),
        made.supervisor.stop(1, grace=None, now=False, actor="x"),
    ):
        with pytest.raises(VerbError) as raised:
            await work
        assert "db" not in raised.value.text
    of.fake.failing.clear()
    of.fake.change(1, state=State.STOPPED)
    assert made.supervisor.instances() == []
    assert len(made.supervisor.instances(ended=True)) == 1
