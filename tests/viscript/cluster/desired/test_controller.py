"""What a controller does about faults; what it does otherwise is tried in test_side.py."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.desired import Cluster, cluster, quick, replaced
from tests.support.rosters import host
from viscript.cluster.desired import controller
from viscript.cluster.desired.controller import entry_from, of_host
from viscript.cluster.desired.record import Deployment
from viscript.config.model import App
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import AppEntry, Deployed
from viscript.supervisor.instance import Managed


@pytest.fixture
async def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    quick(monkeypatch)
    monkeypatch.setattr(controller, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(controller, "LOOK_S", 0.05)
    async with cluster(tmp_path, 1) as made:
        yield made


async def test_a_fault_of_ours_stays_with_its_instance(
    one: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    h1 = one.hosts["h1"]

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    with monkeypatch.context() as patch:
        patch.setattr(h1.apps, "start", broken)
        await one.deploy(h1)
        await one.until(lambda: h1.side.controller.faults.get(("web", 1)) == "ours")
    await one.deploy(h1, "other")
    await one.until(lambda: one.where("other") and one.where())
    assert "failed" in caplog.text


async def test_a_look_that_fails_is_not_the_last(
    one: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    h1 = one.hosts["h1"]

    def broken() -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(h1.side.controller, "_view", broken)
        h1.side.controller.look()
        await one.until(lambda: "one look failed" in caplog.text)
    await one.deploy(h1)
    await one.until(lambda: one.where())


async def test_a_pause_grows_from_fault_to_fault(one: Cluster) -> None:
    h1 = one.hosts["h1"]
    h1.apps.fail = "no"
    await one.deploy(h1)
    pauses = h1.side.controller._pauses
    await one.until(lambda: ("web", 1) in pauses and pauses["web", 1].seconds >= 4 * 0.02)


async def test_another_order_does_not_wait_for_the_pause_of_the_one_that_failed(
    one: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    h1 = one.hosts["h1"]
    monkeypatch.setattr(controller, "FIRST_PAUSE_S", 1000.0)
    h1.apps.fail = "no such program"
    body = await one.deploy(h1)
    await one.until(lambda: ("web", 1) in h1.side.controller.faults)
    h1.apps.fail = ""
    await one.deploy(h1, **replaced(body))
    await one.until(lambda: one.where() == {1: "h1"})
    assert not h1.side.controller.faults


async def test_a_fault_is_forgotten_with_the_instance(one: Cluster) -> None:
    h1 = one.hosts["h1"]
    h1.apps.fail = "no such program"
    body = await one.deploy(h1)
    await one.until(lambda: ("web", 1) in h1.side.controller.faults)
    await one.deploy(h1, **replaced(body, gone=True))
    await one.until(lambda: not h1.side.controller.faults)
    assert not h1.side.controller._pauses


async def test_what_is_replaced_begins_as_it_is_ordered_when_the_old_one_has_ended(
    one: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    h1 = one.hosts["h1"]
    body = await one.deploy(h1)
    await one.until(lambda: one.where() == {1: "h1"})
    ending, ended, stop = asyncio.Event(), asyncio.Event(), h1.apps.stop

    async def slow(seq: int) -> None:
        ending.set()
        await ended.wait()
        await stop(seq)

    monkeypatch.setattr(h1.apps, "stop", slow)
    await one.deploy(h1, **replaced(body, args=("second",)))
    await one.until(ending.is_set)
    third = replaced(body, args=("third",), version=body.version + 2)
    await one.deploy(h1, **third)
    await one.until(lambda: h1.side.mirror.deployments()["web"].args == ("third",))
    ended.set()
    await one.until(lambda: len(one.fences(("web", 1))) == 2 and one.where())
    assert [managed.args for managed in h1.apps.up().values()] == [("third",)]


def test_the_leases_of_what_lives_are_gone_on_with_newest_first() -> None:
    def with_lease(lease: str, pid: int | None) -> Managed:
        told = Deployed(app="web", number=1, version=1, lease=lease)
        entry = AppEntry(name="web", source="deployed", spec=App(), argv=("x",), deployed=told)
        return Managed(seq=1, name="web", entry=entry, since=0.0, pid=pid)

    held = {("a", 1): with_lease("5", 1), ("b", 1): with_lease("f", 1), ("c", 1): with_lease("", 1)}
    assert of_host({**held, ("d", 1): with_lease("ff", None)}) == [15, 5]


HERE = AppEntry(name="web", source="config.yaml", spec=App(), argv=("here",))
THERE = msgspec.msgpack.encode(msgspec.structs.replace(HERE, argv=("there",)))


def order(**fields: Any) -> Deployment:
    return Deployment(**{"cluster": host(0).public_key, "app": "web", "by": host(1).public_key, **fields})


def find(app: str) -> AppEntry:
    if app != "web":
        raise VerbError(ExitCode.NOT_FOUND, f"no app is named {app!r}")
    return HERE


def test_only_an_admins_order_brings_a_program_of_its_own() -> None:
    assert entry_from(order(entry=THERE), find, by_admin=True).argv == ("there",)
    assert entry_from(order(entry=THERE), find, by_admin=False) == HERE
    assert entry_from(order(), find, by_admin=False) == HERE


def test_an_operators_order_without_an_app_of_that_name_or_with_an_environment_is_refused() -> None:
    for refused in (order(app="other", entry=THERE), order(env={"LD_PRELOAD": "x"})):
        with pytest.raises(VerbError) as raised:
            entry_from(refused, find, by_admin=False)
        assert raised.value.code is ExitCode.NOT_PERMITTED
    assert entry_from(order(env={"LD_PRELOAD": "x"}), find, by_admin=True) == HERE


@pytest.mark.parametrize("carried", [b"", THERE])
def test_an_operators_order_starts_nothing_that_takes_an_admin(carried: bytes) -> None:
    shell = msgspec.structs.replace(HERE, spec=App(command=("/bin/sh",), role="admin"))
    with pytest.raises(VerbError, match="needs the role admin here") as raised:
        entry_from(order(entry=carried), lambda app: shell, by_admin=False)
    assert raised.value.code is ExitCode.NOT_PERMITTED
    assert entry_from(order(), lambda app: shell, by_admin=True) == shell


def test_an_order_of_a_version_that_is_not_understood_is_said() -> None:
    with pytest.raises(VerbError, match="does not understand the order"):
        entry_from(order(entry=b"\xc1"), find, by_admin=True)
