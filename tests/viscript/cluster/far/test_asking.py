import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_world import instance
from tests.support.far_hosts import Hosts, far_hosts, saying, state
from viscript.cluster.far import gathered
from viscript.cluster.far.asking import Heard, Manner, away_text
from viscript.cluster.far.route import Leg
from viscript.cluster.links.api import HostAway, StreamRefused
from viscript.render.writer import Sink
from viscript.verbs.table import Terminal


@pytest.fixture
async def hosts(short_tmp: Path) -> AsyncIterator[Hosts]:
    async with far_hosts(short_tmp, m1=[], m2=[instance(7, "web")]) as found:
        yield found


async def nobody(leg: Leg, sink: Sink) -> int:
    raise AssertionError("this host was not asked")


async def asked(hosts: Hosts, *argv: str, deadline: float = 5.0, looks: bool = True) -> Heard:
    legs = [Leg(hosts["m2"].facts, argv)]
    manner = Manner(terminal=Terminal(), deadline=deadline, looks=looks)
    found: Heard
    (found,) = await hosts.first.world.far.asking().ask(legs, manner, nobody)
    assert all(stream.closed for stream in hosts["m2"].streams)
    return found


async def test_what_is_written_there_is_heard_here(hosts: Hosts) -> None:
    found = await asked(hosts, "-o", "json", "la")
    assert (found.status, found.code) == ("ok", 0)
    assert json.loads(found.out)[0]["id"] == 7
    found = await asked(hosts, "why", "9")
    assert (found.status, found.code, found.out) == ("failed", 5, "")
    assert found.err.startswith("no app with id 9")


async def test_this_host_is_asked_without_a_link(hosts: Hosts) -> None:
    async def here(leg: Leg, sink: Sink) -> int:
        await sink.out(" ".join(leg.argv))
        return 3

    legs = [Leg(state("m1", local=True), ("la",))]
    manner = Manner(terminal=Terminal(), deadline=5.0, looks=True)
    (found,) = await hosts.first.world.far.asking().ask(legs, manner, here)
    assert (found.status, found.code, found.out) == ("failed", 3, "la")


async def test_a_link_that_breaks_in_the_middle_is_told(hosts: Hosts) -> None:
    hosts["m2"].freeze()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(asked(hosts, "la"))
        while not hosts["m2"].streams:
            await asyncio.sleep(0)
        hosts["m2"].lose()
        found = await asking
    assert (found.status, found.code, found.age_seconds) == ("unreachable", 4, 20.0)
    assert "m2 is away: the link broke" in found.err


async def test_a_host_that_hangs_up_too_early_is_away(hosts: Hosts) -> None:
    hosts["m2"].answers = saying(b'{"k":1}\n', b'{"o":"half"}\n')
    found = await asked(hosts, "la")
    assert (found.status, found.code, found.out) == ("unreachable", 4, "")
    assert "hung up before this was done" in found.err


@pytest.mark.parametrize("line", [b'{"a":{"id":7}}\n', b'{"p":["ssh"]}\n'])
async def test_what_needs_a_terminal_is_not_for_several(hosts: Hosts, line: bytes) -> None:
    hosts["m2"].answers = saying(line)
    found = await asked(hosts, "la")
    assert (found.status, found.code) == ("failed", 2)
    assert "terminal of its own" in found.err


async def test_a_stream_that_is_refused_is_told(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_args: object) -> Any:
        raise StreamRefused("full", "64 streams are open")

    monkeypatch.setattr(hosts.links, "open", refuse)
    found = await asked(hosts, "la")
    assert (found.status, found.code, found.err) == (
        "unreachable",
        4,
        "m2 refused: full: 64 streams are open\n",
    )


async def test_an_answer_that_was_cut_is_not_remembered(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered.Gathered.__init__, "__defaults__", (5,))
    found = await asked(hosts, "la")
    assert len(found.out) == 5
    assert "is cut" in found.err
    hosts["m2"].lose()
    assert (await asked(hosts, "la")).status == "unreachable"


async def test_an_old_answer_is_for_who_looks(hosts: Hosts) -> None:
    good = await asked(hosts, "la")
    hosts["m2"].lose()
    old = await asked(hosts, "la")
    assert (old.status, old.out, old.code) == ("stale", good.out, 4)
    assert (await asked(hosts, "la", looks=False)).status == "unreachable"


def test_a_host_that_is_away_is_told_with_its_age() -> None:
    away = HostAway("m2", state("m2").key, "it is down")
    assert away_text(state("m2", age_seconds=75.0), away) == "m2 is away: it is down, last heard 1m15s ago"
    assert away_text(state("m2", age_seconds=None), away) == "m2 is away: it is down"
