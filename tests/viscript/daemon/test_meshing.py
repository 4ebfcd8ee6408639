"""The app that leads over the mesh is known from when it comes, and used from when there are links."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from signal_bus.identity import Identity, draw
from signal_bus.testing import until
from tests.support.fake_world import FakeWorld
from tests.support.hosts import LinkedHost
from tests.support.rosters import host, vouched
from viscript.cluster.links.overmesh import OverMesh
from viscript.daemon import meshing
from viscript.daemon.meshing import Meshing
from viscript.daemon.tasks import Tasks
from viscript.events import EventLog
from viscript.home import Home

CLUSTER, OTHER = host(0), host(2)
VISOR = "ab" * 32


class Met:
    """A home that may have links, and what its app was asked."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.linked = LinkedHost(Identity(draw()), "here", folder)
        self.events = EventLog("here")
        self.asked: list[tuple[int, str]] = []
        world = FakeWorld()
        world.home = Home(str(folder), str(folder), str(folder))  # type: ignore[attr-defined]  # as the daemon's
        world.fake.call = self._call  # type: ignore[method-assign]  # what is asked is looked at
        self.meshing = Meshing(world, self.linked.book, self.events, tasks)  # type: ignore[arg-type]  # enough of it

    async def _call(self, seq: int, method: str, params: object, timeout: float) -> object:
        self.asked.append((seq, method))
        return {}

    def tell(self, kind: str, seq: int = 3, type_: str = "host-reach") -> None:
        data: dict[str, Any] = {"name": "reach", "type": type_, "address": VISOR, "seq": seq, "generation": 1}
        self.events.tell(kind, f"app/{seq}", now=0.0, **data)


@pytest.fixture
async def met(short_tmp: Path) -> AsyncIterator[Met]:
    async with Tasks() as tasks:
        made = Met(short_tmp, tasks)
        await made.linked.open()
        await made.linked.join(
            CLUSTER,
            vouched(made.linked.me, CLUSTER, label="here", mesh=b"\x01" * 32),
            vouched(OTHER, CLUSTER, label="other", mesh=bytes.fromhex("cd" * 32)),
        )
        yield made
        made.meshing.close()
    made.linked.memory.close()


def way(met: Met) -> str | None:
    assert met.linked.book.roster is not None
    return met.linked.links.relay(met.linked.book.roster.present[OTHER.public_key])


async def test_an_app_that_came_before_the_links_is_used(met: Met) -> None:
    met.tell("service.offered", type_="socks5")
    met.tell("service.offered")
    assert met.asked == []
    met.meshing.use(met.linked.links)
    await until(lambda: way(met))
    assert met.asked == [(3, "serve"), (3, "lead")]
    assert met.linked.links.own.mesh.hex() == VISOR


async def test_one_that_comes_later_and_goes_is_noticed(met: Met) -> None:
    met.meshing.use(met.linked.links)
    assert met.linked.links.own.mesh == b"\x01" * 32  # as the others know it
    met.tell("service.offered", seq=4)
    await until(lambda: way(met))
    met.tell("service.withdrawn", seq=9)
    assert way(met)
    met.tell("service.withdrawn", seq=4)
    assert way(met) is None


async def test_one_that_went_before_the_links_is_not_asked(met: Met) -> None:
    met.tell("service.offered")
    met.tell("service.withdrawn")
    met.meshing.use(met.linked.links)
    assert way(met) is None
    assert met.asked == []


async def test_a_fault_on_the_way_ends_neither_the_daemon_nor_the_way(
    met: Met, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(meshing, "ANEW_S", 0.0)
    tell = OverMesh._tell

    async def fails_once(over: OverMesh, seq: int) -> bool:
        monkeypatch.setattr(OverMesh, "_tell", tell)
        raise KeyError(seq)

    monkeypatch.setattr(OverMesh, "_tell", fails_once)
    met.meshing.use(met.linked.links)
    met.tell("service.offered")
    await until(lambda: way(met))
    assert "begins anew" in caplog.text
