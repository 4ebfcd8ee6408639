import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signal_bus.ids import PublicKey
from viscript.cluster.pairing.bymesh import NoMesh
from viscript.cluster.peering.standing import Peering
from viscript.cluster.peering.ways import PLACE, NoWay, Way, Ways
from viscript.errors import ViscriptError

KEY = PublicKey(bytes([1]) * 32)
V1, V2, V3 = (bytes([number]) * 32 for number in (1, 2, 3))


class Mesh(NoMesh):
    """A mesh whose every way leads to one unix socket."""

    def __init__(self, path: str = "/nowhere") -> None:
        self.visor = V3
        self.path = path
        self.why = ""
        self.led: list[tuple[bytes, str, str]] = []
        self.left: list[str] = []

    @asynccontextmanager
    async def way(self, visor: bytes, name: str, stem: str = "") -> AsyncIterator[str]:
        self.led.append((visor, name, stem))
        yield self.path
        self.left.append(stem)

    async def trouble(self, path: str) -> str:
        return self.why


def peering(**more: object) -> Peering:
    return Peering(key=KEY, **more)  # type: ignore[arg-type]  # any field


async def names(ways: Ways, one: Peering) -> list[str]:
    return [way.name async for way in ways.to(one)]


async def only(ways: Ways, one: Peering) -> Way:
    (way,) = [way async for way in ways.to(one)]
    return way


def mesh_name(visor: bytes) -> str:
    return f"the mesh, at {visor.hex()[:16]}"


async def test_what_a_person_said_comes_first_and_nothing_twice() -> None:
    async def find(key: PublicKey) -> list[bytes]:
        return [V1, V2, V3]

    mesh = Mesh()
    one = peering(at=("tcp://h:1", V1.hex()), told=("tcp://h:1", "tcp://[fd00::1]:2"), visor=V2.hex())
    assert await names(Ways(lambda: mesh, find), one) == [
        "tcp://h:1", "tcp://[fd00::1]:2", mesh_name(V1), mesh_name(V2), mesh_name(V3),
    ]  # fmt: skip
    assert mesh.led == []
    assert Ways(lambda: mesh).visor == V3.hex()


async def test_the_directory_is_asked_only_when_nothing_else_led_there() -> None:
    async def find(key: PublicKey) -> list[bytes]:
        raise NoWay("the directory is away")

    ways, one = Ways(Mesh, find), peering(told=("tcp://h:1",))
    found = ways.to(one)
    assert (await anext(found)).name == "tcp://h:1"
    await found.aclose()
    with pytest.raises(NoWay, match="the directory is away"):
        await names(ways, one)


async def test_without_a_mesh_it_is_said_what_to_do() -> None:
    for one in (peering(), peering(visor=V1.hex()), peering(at=("tcp://h:1",), visor=V1.hex())):
        with pytest.raises(NoWay, match="--at"):
            await names(Ways(), one)
    assert await names(Ways(), peering(at=("tcp://h:1",))) == ["tcp://h:1"]
    assert Ways().visor == ""


async def test_an_address_is_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        at = (f"tcp://127.0.0.1:{server.getsockname()[1]}",)
        async with (await only(Ways(), peering(at=at))).connected as sock:
            assert not sock.getblocking()
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with pytest.raises(ConnectionRefusedError):
        async with (await only(Ways(), peering(at=at))).connected:
            raise AssertionError


async def test_over_the_mesh_a_unix_socket_leads_as_long_as_it_is_used(short_tmp: Path) -> None:
    path = str(short_tmp / "s.sock")
    mesh = Mesh(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        for _ in range(2):
            async with (await only(Ways(lambda: mesh), peering(visor=V1.hex()))).connected:
                assert len(mesh.led) == len(mesh.left) + 1
    assert {(visor, name) for visor, name, _ in mesh.led} == {(V1, PLACE)}
    assert mesh.left == [stem for *_, stem in mesh.led]


async def test_two_ways_at_a_time_have_two_sockets() -> None:
    mesh = Mesh()
    ways = Ways(lambda: mesh)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            async with (await only(ways, peering(visor=V1.hex()))).connected:
                raise AssertionError
    assert len({stem for *_, stem in mesh.led}) == 2


async def test_what_leads_says_why_it_led_nowhere(short_tmp: Path) -> None:
    mesh = Mesh(str(short_tmp / "s.sock"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(mesh.path)
        server.listen()
        with pytest.raises(ConnectionResetError):
            async with (await only(Ways(lambda: mesh), peering(visor=V1.hex()))).connected:
                raise ConnectionResetError
        mesh.why = "no route"
        with pytest.raises(NoWay, match="no route"):
            async with (await only(Ways(lambda: mesh), peering(visor=V1.hex()))).connected:
                raise ConnectionResetError


async def test_a_mesh_that_has_gone_is_said() -> None:
    class Gone(NoMesh):
        visor = V1

    with pytest.raises(ViscriptError, match="no app of this host"):
        async with (await only(Ways(Gone), peering(visor=V1.hex()))).connected:
            raise AssertionError


async def test_an_address_that_swallows_connections_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viscript.cluster.peering.ways.CONNECT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        full = [socket.socket() for _ in range(4)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        await asyncio.sleep(0)
        way = await only(Ways(), peering(at=(f"tcp://127.0.0.1:{server.getsockname()[1]}",)))
        with pytest.raises(TimeoutError):
            async with way.connected:
                raise AssertionError
        for one in full:
            one.close()
