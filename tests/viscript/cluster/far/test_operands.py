import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fake_world import instance
from tests.support.far_hosts import Hosts, far_hosts, saying, state
from viscript.cluster.far import operands as module
from viscript.cluster.far.operands import App, Known, Operands


@pytest.fixture
async def hosts(short_tmp: Path) -> AsyncIterator[Hosts]:
    async with far_hosts(short_tmp, m1=[], m2=[instance(7, "web"), instance(8, "db")], m3=[]) as found:
        yield found


@pytest.fixture
def operands(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> Operands:
    monkeypatch.setattr(module, "PATIENCE_S", 20.0)
    found: Operands = hosts.first.world.far.operands
    return found


async def test_the_apps_of_a_host_are_asked_for_when_somebody_types(hosts: Hosts, operands: Operands) -> None:
    m2 = hosts["m2"].facts
    assert operands.known(m2) == Known()
    await operands.prepare(m2)
    known = operands.known(m2)
    assert known.apps == (App("7", "web", "running"), App("8", "db", "running"))
    assert known.age_seconds < 20
    await operands.prepare(m2)
    assert len(hosts["m2"].streams) == 1  # they are fresh


async def test_what_is_old_is_asked_anew_by_one_question(
    hosts: Hosts, operands: Operands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    m2 = hosts["m2"].facts
    await asyncio.gather(operands.prepare(m2), operands.prepare(m2))
    assert len(hosts["m2"].streams) == 1
    hosts["m2"].world.fake.add(instance(9, "new"))
    await operands.prepare(m2)
    assert [app.id for app in operands.known(m2).apps] == ["7", "8", "9"]


async def test_nobody_waits_long_for_a_host_that_is_silent(
    hosts: Hosts, operands: Operands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await operands.prepare(hosts["m2"].facts)
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    monkeypatch.setattr(module, "DEADLINE_S", 0.2)
    hosts["m2"].freeze()
    await operands.prepare(hosts["m2"].facts)
    assert len(operands.known(hosts["m2"].facts).apps) == 2  # as they were


async def test_a_host_that_answers_nonsense_has_no_apps(hosts: Hosts, operands: Operands) -> None:
    hosts["m2"].answers = saying(b'{"o":"[{}, 7]"}\n', b'{"x":0}\n')
    await operands.prepare(hosts["m2"].facts)
    assert operands.known(hosts["m2"].facts).apps == (App("", "", ""),)
    hosts["m3"].answers = saying(b"nonsense\n")
    await operands.prepare(hosts["m3"].facts)
    assert operands.known(hosts["m3"].facts) == Known()


async def test_an_answer_that_cannot_even_be_read_ends_nothing_but_the_question(
    hosts: Hosts, operands: Operands, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked by a task of the daemon, which a fault in one of them ends."""

    def overwhelmed(_: object) -> list[object]:
        raise RecursionError

    monkeypatch.setattr(module, "rows_of", overwhelmed)
    await operands.prepare(hosts["m2"].facts)
    assert operands.known(hosts["m2"].facts) == Known()
    assert "were not understood" in caplog.text


async def test_without_links_nothing_is_known(hosts: Hosts, operands: Operands) -> None:
    hosts.first.world.links = None
    await operands.prepare(hosts["m2"].facts)
    assert operands.known(hosts["m2"].facts) == Known()


async def test_few_hosts_are_remembered(
    hosts: Hosts, operands: Operands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_HOSTS", 1)
    await operands.prepare(hosts["m2"].facts)
    await operands.prepare(hosts["m3"].facts)
    assert operands.known(hosts["m2"].facts) == Known()


async def test_this_host_is_asked_by_nobody(operands: Operands) -> None:
    await operands.prepare(state("m1", local=True))
    assert operands.known(state("m1")) == Known()
