"""Ways over the mesh: what the app that leads is told, and when."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from signal_bus.identity import Identity
from signal_bus.testing import until
from tests.support import rosters
from tests.support.hosts import LinkedHost
from tests.support.rosters import vouched
from viscript.cluster.links import overmesh
from viscript.cluster.links.overmesh import NoMesh, OverMesh
from viscript.cluster.model import Member, SignedMember
from viscript.errors import ViscriptError
from viscript.events import Event

CLUSTER, ME, OTHER, THIRD = (rosters.host(n) for n in range(1, 5))
VISOR = "ab" * 32


class Leading:
    """An app that leads; it refuses what `no` says, and is away while `away`."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, Any]] = []
        self.away = False
        self.no = ""
        self.ways: list[dict[str, str]] = []

    async def ask(self, seq: int, method: str, params: Mapping[str, object]) -> object:
        if self.away:
            raise ViscriptError("it is not there")
        self.asked.append((seq, method, params))
        if method == "status":
            return {"ways": self.ways}
        return {"error": self.no} if self.no and method == "lead" else {}

    def methods(self) -> list[str]:
        return [method for _, method, _ in self.asked]


def seen(kind: str, seq: int = 3, address: str = VISOR, type_: str = "host-reach") -> Event:
    data = {"name": "reach", "type": type_, "address": address, "seq": seq}
    return Event(cursor=1, time=0.0, host="h", object=f"app/{seq}", type=f"service.{kind}", data=data)


def with_visor(identity: Identity, visor: str, **more: Any) -> SignedMember:
    return vouched(identity, CLUSTER, mesh=bytes.fromhex(visor), **more)


@asynccontextmanager
async def working(folder: Path) -> AsyncIterator[tuple[OverMesh, Leading, LinkedHost]]:
    """A host with another one whose visor is cd..., and a third without."""
    host, app = LinkedHost(ME, "me", folder), Leading()
    await host.open()
    await host.join(
        CLUSTER,
        vouched(ME, CLUSTER, label="me"),
        with_visor(OTHER, "cd" * 32, label="other"),
        vouched(THIRD, CLUSTER, label="third"),
    )
    over = OverMesh(
        ask=app.ask,
        book=host.book,
        own=host.links.own,
        look_again=host.links.look_again,
        door="/door",
        folder="/run",
    )
    task = asyncio.get_running_loop().create_task(over.run())
    try:
        yield over, app, host
    finally:
        task.cancel()
        await asyncio.wait([task])
        host.memory.close()


def member(host: LinkedHost, identity: Identity) -> Member:
    assert host.book.roster is not None
    return host.book.roster.present[identity.public_key]


async def test_the_app_learns_who_is_led_here_and_leads_to_hosts_with_a_visor(short_tmp: Path) -> None:
    async with working(short_tmp) as (over, app, host):
        assert over.relay(member(host, OTHER)) is None
        over.hear(seen("offered"))
        path = f"/run/to-{OTHER.name[:16]}.sock"
        await until(lambda: over.relay(member(host, OTHER)) == path)
        assert app.asked == [
            (3, "serve", {"places": {"peers": {"socket": "/door", "keys": ["cd" * 32]}}}),
            (3, "lead", {"peer": "cd" * 32, "to": "peers", "path": path}),
        ]
        assert over.relay(member(host, THIRD)) is None
        assert host.links.own.mesh.hex() == VISOR


async def test_a_host_that_comes_or_goes_is_told_and_an_app_that_goes_leads_nowhere(short_tmp: Path) -> None:
    async with working(short_tmp) as (over, app, host):
        over.hear(seen("offered"))
        await until(lambda: over.relay(member(host, OTHER)))
        await host.book.take([with_visor(THIRD, "ef" * 32, label="third", version=2)])
        await until(lambda: over.relay(member(host, THIRD)))
        assert app.asked[-2][2]["places"]["peers"]["keys"] == ["cd" * 32, "ef" * 32]
        gone = member(host, THIRD)
        await host.book.take([vouched(THIRD, CLUSTER, label="third", version=3, gone=True)])
        await until(lambda: "leave" in app.methods())
        assert over.relay(gone) is None
        over.hear(seen("withdrawn", seq=4))
        assert over.relay(member(host, OTHER))
        over.hear(seen("withdrawn"))
        assert over.relay(member(host, OTHER)) is None
        over.hear(seen("offered", seq=8))
        await until(lambda: over.relay(member(host, OTHER)))
        assert app.asked[-1][0] == 8


async def test_an_app_that_goes_while_it_is_told_who_left_ends_nothing(short_tmp: Path) -> None:
    async with working(short_tmp) as (over, app, host):
        await host.book.take([with_visor(THIRD, "ef" * 32, label="third", version=2)])
        over.hear(seen("offered"))
        await until(lambda: over.relay(member(host, THIRD)) and over.relay(member(host, OTHER)))

        async def going(seq: int, method: str, params: Mapping[str, object]) -> object:
            if method == "leave":
                over.hear(seen("withdrawn"))
            return await app.ask(seq, method, params)

        over._ask = going
        gone = [vouched(one, CLUSTER, label="gone", version=3, gone=True) for one in (OTHER, THIRD)]
        await host.book.take(gone)
        await until(lambda: app.methods().count("leave") == 2)
        over._ask = app.ask
        await host.book.take([with_visor(OTHER, "cd" * 32, label="other", version=4)])
        over.hear(seen("offered", seq=9))
        await until(lambda: over.relay(member(host, OTHER)))


async def test_what_a_host_calls_its_visor_and_is_no_key_is_led_nowhere(short_tmp: Path) -> None:
    async with working(short_tmp) as (over, app, host):
        await host.book.take([with_visor(THIRD, "ef" * 5, label="third", version=2)])
        over.hear(seen("offered"))
        await until(lambda: over.relay(member(host, OTHER)))
        assert over.relay(member(host, THIRD)) is None
        assert app.asked[0][2]["places"]["peers"]["keys"] == ["cd" * 32]


async def test_what_failed_is_said_again(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overmesh, "AGAIN_S", 0.01)
    async with working(short_tmp) as (over, app, host):
        app.away, app.no = True, "no room"
        over.hear(seen("offered"))
        await asyncio.sleep(0)
        app.away = False
        await until(lambda: app.methods().count("lead") > 1)
        assert over.relay(member(host, OTHER)) is None
        app.no = ""
        await until(lambda: over.relay(member(host, OTHER)))


async def test_other_services_and_what_is_no_key_are_passed_over(short_tmp: Path) -> None:
    async with working(short_tmp) as (over, app, host):
        over.hear(seen("offered", type_="socks5"))
        over.hear(seen("offered", address="tcp://1.2.3.4:5"))
        over.hear(seen("offered", address="ab"))
        await asyncio.sleep(0.01)
        assert not app.asked
        assert host.links.own.mesh == b""


def served(app: Leading) -> Any:
    """What it was told last of the places."""
    return [params["places"] for _, method, params in app.asked if method == "serve"][-1]


async def test_everybody_is_led_to_a_place_while_it_is_open(short_tmp: Path) -> None:
    async with working(short_tmp) as (over, app, _):
        with pytest.raises(NoMesh, match="no app"):
            await over.open("pairing", "/joiners")
        over.hear(seen("offered"))
        assert over.visor.hex() == VISOR
        await over.open("pairing", "/joiners")
        told = served(app)
        assert told["pairing"] == {"socket": "/joiners", "told": True}
        assert told["peers"]["keys"] == ["cd" * 32]
        over.hear(seen("withdrawn"))
        over.hear(seen("offered", seq=8))
        await until(lambda: app.asked[-1][0] == 8 and "pairing" in served(app))  # to the next one too
        over.shut("pairing")
        over.shut("pairing")
        await until(lambda: "pairing" not in served(app))
        app.away = True
        with pytest.raises(ViscriptError, match="not there"):
            await over.open("pairing", "/joiners")
        assert not over._open
        over.hear(seen("withdrawn", seq=8))
        assert over.visor == b""


async def test_a_way_is_there_as_long_as_it_is_used(short_tmp: Path) -> None:
    async with working(short_tmp) as (over, app, _):
        over.hear(seen("offered"))
        async with over.way(b"\xef" * 32, "pairing") as path:
            assert path == "/run/pairing.sock"
            asked = [each for each in app.asked if each[1] == "lead"][-1]
            assert asked[2] == {"peer": "ef" * 32, "to": "pairing", "path": path}
        assert app.asked[-1] == (3, "leave", {"path": path})
        app.no = "there are 1024 ways already"
        with pytest.raises(NoMesh, match="1024 ways"):
            async with over.way(b"\xef" * 32, "pairing"):
                raise AssertionError("it leads nowhere")
        app.no = ""
        async with over.way(b"\xef" * 32, "pairing"):
            app.away = True


async def test_why_a_way_led_nowhere_is_asked_for(short_tmp: Path) -> None:
    async with working(short_tmp) as (over, app, _):
        assert "no app" in await over.trouble("/run/pairing.sock")
        over.hear(seen("offered"))
        assert await over.trouble("/run/pairing.sock") == ""
        app.ways = [{"socket": "/run/pairing.sock", "trouble": "nobody there"}]
        assert await over.trouble("/run/pairing.sock") == "nobody there"
        assert await over.trouble("/other") == ""
