"""Who is silent while a command waits, in words."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.far_hosts import FakeHost, FakeLinks, Hosts, far_hosts, key_of, state
from viscript.cluster.far.silence import Silence
from viscript.cluster.links.api import Reach
from viscript.errors import ExitCode
from viscript.verbs import slow
from viscript.verbs.table import Terminal

PIPE = Terminal(out=False, err=False, into=False)
SCREEN = Terminal(out=True, err=True, into=False, columns=100, ascii=False)


def links(**ages: float | None) -> FakeLinks:
    known = [
        FakeHost(label, FakeWorld(), replace(state(label), age_seconds=age)) for label, age in ages.items()
    ]
    return FakeLinks("m1", known)


def text(table: FakeLinks, *labels: str) -> str:
    return Silence(table, [key_of(label) for label in labels]).text()


def test_only_who_is_asked_and_silent_is_named() -> None:
    table = links(m1=9.0, m2=3.0, m3=0.4, m4=7.0, m5=None)
    assert text(table, "m1", "m2", "m3", "m5") == "waiting for an answer; silent: m2 (for 3.0s)"
    assert text(table, "m3", "m5") == ""


def test_who_is_known_to_be_down_is_not_waited_for() -> None:
    lost = FakeHost("m2", FakeWorld(), replace(state("m2"), age_seconds=30.0, state=Reach.DOWN))
    assert text(FakeLinks("m1", [lost]), "m2") == ""


def test_of_many_some_are_named() -> None:
    table = links(**{f"h{number}": 5.0 for number in range(8)})
    assert text(table, *(f"h{number}" for number in range(8))).endswith("h4 (for 5.0s), 3 more")


@pytest.fixture
async def hosts(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hosts]:
    monkeypatch.setattr(slow, "SLOW_S", 0.05)
    async with far_hosts(short_tmp, m1=[instance(1, "web")], m2=[instance(7, "web")]) as made:
        made["m2"].freeze()
        made["m2"].facts = replace(made["m2"].facts, age_seconds=3.0)
        yield made


@pytest.mark.parametrize(
    "command, code",
    [
        ("rpc m2/7 find --timeout 0.5s", ExitCode.TIMED_OUT),
        ("on --timeout 0.5s m2 la", ExitCode.FAILED),
        ("wait @all/web --timeout 0.5s", ExitCode.FAILED),
    ],
)
async def test_a_person_who_waits_is_told_for_whom(hosts: Hosts, command: str, code: ExitCode) -> None:
    said = await hosts.say(command, terminal=SCREEN)
    assert said.code == code, said
    assert said.err.startswith("waiting for an answer; silent: m2 (for 3.0s)\n")


async def test_without_a_terminal_nothing_is_added(hosts: Hosts) -> None:
    assert "silent" not in (await hosts.say("rpc m2/7 find --timeout 0.5s", terminal=PIPE)).err
