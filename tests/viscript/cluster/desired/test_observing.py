"""What a host tells of itself; the rest is tried in test_side.py."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.desired import Cluster, cluster, quick
from viscript.cluster.desired.keys import ALIVE, OBSERVED
from viscript.supervisor.lifecycle import Phase


@pytest.fixture
async def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    quick(monkeypatch)
    async with cluster(tmp_path, 1) as made:
        yield made


async def test_a_state_is_told_with_its_fence_and_told_again_when_it_changes(one: Cluster) -> None:
    h1 = one.hosts["h1"]
    await one.deploy(h1)
    await one.until(lambda: h1.side.mirror.observed().get(("web", 1)))
    host, value = h1.side.mirror.observed()["web", 1]
    assert (host, value.state, value.seq) == (h1.key, "ready", 1)
    assert value.fence == one.fences(("web", 1))[0]
    h1.apps.managed[1].reason = "exit status 3"
    h1.apps.end(1, Phase.FATAL, "exited")
    await one.until(lambda: h1.side.mirror.observed()["web", 1][1].state == "fatal")
    assert h1.side.mirror.observed()["web", 1][1].reason == "exit status 3"


async def test_what_is_forgotten_is_told_no_more(one: Cluster) -> None:
    h1 = one.hosts["h1"]
    await one.deploy(h1)
    await one.until(lambda: h1.side.mirror.observed())
    await one.put("desired/web", b"")
    h1.apps.end(1, Phase.FATAL, "exited")
    h1.apps.managed.clear()
    h1.side.controller._busy.add(("web", 1))  # it is not to come back here
    h1.side.look()
    await one.until(lambda: not h1.side.mirror.observed())


async def test_all_is_told_anew_under_another_lease(one: Cluster) -> None:
    h1 = one.hosts["h1"]
    await one.store.revoke(h1.side.lease.id)
    await one.until(lambda: h1.side.mirror.alive() == frozenset({h1.key}))
    listed = await one.store.range(ALIVE)
    await one.until(lambda: h1.side.lease.id)
    assert {item.lease for item in listed.items} <= {h1.side.lease.id, 0} or not listed.items
    assert (await one.store.range(OBSERVED)).items == ()


async def test_while_the_store_is_away_it_is_tried_again(one: Cluster) -> None:
    h1 = one.hosts["h1"]
    await one.deploy(h1)
    await one.until(lambda: h1.side.mirror.observed())
    h1.way.cut()
    h1.apps.end(1, Phase.FATAL, "exited")
    await one.settled(0.2)
    h1.way.mend()
    await one.until(lambda: h1.side.mirror.observed()["web", 1][1].state == "fatal")
