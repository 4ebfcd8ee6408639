import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import pytest

from components.mesh import doors as module
from components.mesh.doors import Bounds, Door, Doors, HalfOpen, bind, network
from components.mesh.errors import Busy, Gone, Refused
from components.mesh.session import Visitor, dial
from tests.support.mesh import ALICE, BOB


@asynccontextmanager
async def listening(
    doors: Mapping[int, Door], bounds: Bounds | None = None
) -> AsyncIterator[tuple[str, int]]:
    sock = bind("127.0.0.1", 0)
    address = sock.getsockname()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(Doors(sock, BOB, doors, bounds).serve())
        yield address
        serving.cancel()
    assert sock.fileno() == -1


async def test_each_port_has_its_door() -> None:
    met = []

    async def door(visitor: Visitor) -> None:
        met.append((visitor.peer, visitor.port))
        (await visitor.accept()).close()

    async with listening({45: door, 36: door}) as address:
        for port in (45, 36):
            (await dial(address, ALICE, BOB.public_key, port)).close()
        with pytest.raises(Refused, match="no-such-port: nothing answers at port 80"):
            await dial(address, ALICE, BOB.public_key, 80)
    assert met == [(ALICE.public_key, 45), (ALICE.public_key, 36)]


async def test_a_door_that_fails_or_decides_nothing_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: Visitor) -> None:
        raise ZeroDivisionError

    async def idle(_: Visitor) -> None:
        return

    async def good(visitor: Visitor) -> None:
        (await visitor.accept()).close()

    async with listening({1: broken, 2: idle, 3: good}) as address:
        for port in (1, 2):
            with pytest.raises(Gone):
                await dial(address, ALICE, BOB.public_key, port)
        (await dial(address, ALICE, BOB.public_key, 3)).close()
    assert "a visit failed" in caplog.text


async def test_noise_of_another_kind_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    loop = asyncio.get_running_loop()
    async with listening({}) as address:
        with socket.socket() as stranger:
            stranger.setblocking(False)
            await loop.sock_connect(stranger, address)
            await loop.sock_sendall(stranger, b"GET / HTTP/1.1\r\n\r\n")
            assert await loop.sock_recv(stranger, 1) == b""
    assert "came to nothing" in caplog.text


async def silent(address: tuple[str, int]) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, address)
    return sock


@pytest.mark.parametrize(
    "bounds",
    [Bounds(half_open_each=1), Bounds(half_open=1), Bounds(served=1)],
    ids=["each", "half", "served"],
)
async def test_what_is_over_a_bound_is_closed_at_once(bounds: Bounds) -> None:
    loop = asyncio.get_running_loop()
    async with listening({}, bounds) as address:
        with await silent(address) as first:
            with await silent(address) as second:
                assert await loop.sock_recv(second, 1) == b""
            first.close()
            assert (await answer_once_there_is_room(address)).code == "no-such-port"


async def answer_once_there_is_room(address: tuple[str, int]) -> Refused:
    """What a dialler hears after the connection before it was noticed to have ended."""
    while True:
        try:
            await dial(address, ALICE, BOB.public_key, 80)
        except Gone:
            await asyncio.sleep(0)
        except Refused as exc:
            return exc


async def test_a_silent_connection_is_closed_after_the_deadline() -> None:
    async with listening({}, Bounds(handshake_s=0.02)) as address:
        with await silent(address) as sock:
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""


async def test_no_descriptor_left_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    real = module.accept
    faults = [OSError(24, "Too many open files"), BlockingIOError()]

    def accept(listener: socket.socket) -> object:
        if faults:
            raise faults.pop()
        return real(listener)

    monkeypatch.setattr(module, "accept", accept)
    async with listening({}) as address:
        with pytest.raises(Refused):
            await dial(address, ALICE, BOB.public_key, 80)
    assert "Too many open files" in caplog.text


def full(half_open: HalfOpen, host: str) -> str:
    """What is said to one more from `host`."""
    with pytest.raises(Busy) as caught, half_open.slot(host):
        pass
    return str(caught.value)


def test_slots_are_counted_by_where_they_come_from() -> None:
    half_open = HalfOpen(total=3, each=2)
    with half_open.slot("::1"), half_open.slot("10.0.0.1"), half_open.slot("::ffff:10.0.0.1"):
        assert full(half_open, "10.0.0.9").startswith("handshakes: 3")
    with half_open.slot("a"), half_open.slot("a"):
        assert full(half_open, "a").startswith("handshakes from a: 2")
    assert not half_open._from


@pytest.mark.parametrize(
    "host, place",
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_one_place_is_an_address_or_a_network(host: str, place: str) -> None:
    assert network(host) == place


def test_both_families_can_be_bound() -> None:
    with bind("::1", 0) as sock:
        assert sock.family is socket.AF_INET6
        assert not sock.getblocking()


async def test_a_listener_of_a_unix_socket_works_too(short_tmp: object) -> None:
    path = f"{short_tmp}/door"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(Doors(sock, BOB, {}).serve())
            with socket.socket(socket.AF_UNIX) as client:
                client.setblocking(False)
                await asyncio.get_running_loop().sock_connect(client, path)
                client.send(bytes(60))
                assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
            serving.cancel()


@pytest.mark.parametrize("turns", range(6))
async def test_who_came_in_the_turn_of_the_end_is_hung_up_on(turns: int) -> None:
    listener = bind("127.0.0.1", 0)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(Doors(listener, BOB, {}).serve())
        await asyncio.sleep(0)
        with socket.create_connection(listener.getsockname(), timeout=5) as caller:
            for _ in range(turns):
                await asyncio.sleep(0)
            serving.cancel()
            await asyncio.wait([serving])
            gc.collect()  # a socket that was forgotten would be complained of here
            with suppress(ConnectionResetError):
                assert caller.recv(1) == b""
