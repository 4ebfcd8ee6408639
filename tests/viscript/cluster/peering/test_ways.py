import asyncio
import socket
from pathlib import Path

import pytest

from signal_bus.ids import PublicKey
from viscript.cluster.peering.standing import Peering
from viscript.cluster.peering.ways import NoWay, Way, Ways

KEY = PublicKey(bytes([1]) * 32)


class Mesh:
    visor = "aa" * 32

    def __init__(self, *found: str, fault: str = "") -> None:
        self.found, self.fault = list(found), fault
        self.led: list[str] = []

    async def find(self, key: PublicKey) -> list[str]:
        if self.fault:
            raise NoWay(self.fault)
        return self.found

    async def lead(self, key: PublicKey, visor: str) -> str:
        self.led.append(visor)
        return f"/to-{visor}"


def peering(**more: object) -> Peering:
    return Peering(key=KEY, **more)  # type: ignore[arg-type]  # any field


async def names(ways: Ways, one: Peering) -> list[str]:
    return [way.name async for way in ways.to(one)]


async def test_what_a_person_said_comes_first_and_nothing_twice() -> None:
    ways = Ways()
    mesh = ways.mesh = Mesh("v1", "v2", "v3")
    one = peering(at=("tcp://h:1", "v1"), told=("tcp://h:1", "tcp://[fd00::1]:2"), visor="v2")
    assert await names(ways, one) == [
        "tcp://h:1", "tcp://[fd00::1]:2", "the mesh, at v1", "the mesh, at v2", "the mesh, at v3",
    ]  # fmt: skip
    assert mesh.led == ["v1", "v2", "v3"]


async def test_the_mesh_is_asked_only_when_nothing_else_led_there() -> None:
    ways = Ways()
    mesh = ways.mesh = Mesh(fault="the directory is away")
    found = ways.to(peering(told=("tcp://h:1",)))
    assert (await anext(found)).name == "tcp://h:1"
    await found.aclose()
    assert mesh.led == []
    with pytest.raises(NoWay, match="the directory is away"):
        await names(ways, peering(told=("tcp://h:1",)))


async def test_without_a_mesh_it_is_said_what_to_do() -> None:
    with pytest.raises(NoWay, match="--at"):
        await names(Ways(), peering())
    with pytest.raises(NoWay, match="no visor by now"):
        await names(Ways(), peering(visor="v1"))
    assert await names(Ways(), peering(at=("tcp://h:1",))) == ["tcp://h:1"]


async def test_a_way_connects_to_an_address_or_a_unix_socket(short_tmp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        way = Way("x", ("127.0.0.1", server.getsockname()[1]), 1.0)
        with await way.connect() as sock:
            assert not sock.getblocking()
    with pytest.raises(ConnectionRefusedError):
        await way.connect()
    path = str(short_tmp / "s.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        (await Way("x", path, 1.0).connect()).close()
    with pytest.raises(FileNotFoundError):
        await Way("x", path + "x", 1.0).connect()


async def test_an_address_that_swallows_connections_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("viscript.cluster.peering.ways.CONNECT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        place = server.getsockname()
        full = [socket.socket() for _ in range(4)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(place)
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await Way("x", place, 1.0).connect()
        for one in full:
            one.close()
