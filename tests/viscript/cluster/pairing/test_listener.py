"""The port of joiners: open when it has to be, and not to be flooded."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator

import pytest

from tests.support.paired import until
from viscript.cluster.pairing import listener as module
from viscript.cluster.pairing.listener import MOST_UNKNOWN, PORT, Listener, source
from viscript.daemon.tasks import Tasks
from viscript.errors import VerbError


class Door:
    """What a listener hands over: sockets, each held until the test lets it go."""

    def __init__(self) -> None:
        self.came: list[socket.socket] = []
        self.ended: list[socket.socket] = []
        self.go = asyncio.Event()
        self.fault: Exception | None = None

    async def serve(self, sock: socket.socket) -> None:
        self.came.append(sock)
        try:
            await self.go.wait()
            if self.fault is not None:
                raise self.fault
        finally:
            self.ended.append(sock)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def listener(door: Door) -> AsyncIterator[Listener]:
    async with Tasks() as tasks:
        made = Listener(tasks.run, door.serve)
        yield made
        made.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


async def test_it_listens_while_it_is_open_only(listener: Listener, door: Door) -> None:
    assert listener.port is None
    port = listener.open()
    with connect(port):
        await until(lambda: len(door.came) == 1)
    listener.close()
    assert listener.port is None
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    assert listener.open() > 0


async def test_a_second_home_takes_a_free_port(listener: Listener, door: Door) -> None:
    with socket.create_server(("", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(VerbError, match=f"port {number}"):
            listener.open(number)
    module_port = listener.open()
    async with Tasks() as tasks:
        second = Listener(tasks.run, door.serve)
        assert second.open() != module_port
        second.close()


async def test_the_port_that_is_asked_for_is_the_port(listener: Listener) -> None:
    with socket.create_server(("", 0)) as free:
        number = free.getsockname()[1]
    assert listener.open(number) == number
    assert listener.open() == number, "it is open already"
    with pytest.raises(VerbError, match="already"):
        listener.open(PORT if number != PORT else PORT + 1)


async def test_a_flood_puts_out_the_oldest_that_said_nothing(listener: Listener, door: Door) -> None:
    port = listener.open()
    held = [connect(port) for _ in range(MOST_UNKNOWN)]
    await until(lambda: len(door.came) == MOST_UNKNOWN)
    held.append(connect(port))
    await until(lambda: len(door.ended) == 1)
    assert door.ended[0] is door.came[0]
    for sock in held:
        sock.close()


async def test_a_flood_from_one_address_puts_out_its_own(listener: Listener, door: Door) -> None:
    port = listener.open()
    joiner = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=("127.0.0.2", 0))
    held = [joiner]
    await until(lambda: len(door.came) == 1)
    for _ in range(1, 2 * MOST_UNKNOWN):
        held.append(connect(port))
        await until(lambda: len(door.came) == len(held))
    await until(lambda: len(door.ended) == MOST_UNKNOWN)
    assert door.came[0] not in door.ended
    for sock in held:
        sock.close()


@pytest.mark.parametrize(
    "address, whence",
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1:2", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv6_network_is_one_source(address: str, whence: str) -> None:
    assert source(address) == whence


async def test_one_that_named_an_invitation_is_not_put_out(door: Door) -> None:
    async with Tasks() as tasks:

        async def serve(sock: socket.socket) -> None:
            if not door.came:
                made.known(asyncio.current_task())
            await door.serve(sock)

        made = Listener(tasks.run, serve)
        port = made.open()
        held = [connect(port) for _ in range(MOST_UNKNOWN + 2)]
        await until(lambda: len(door.ended) == 1)
        assert door.ended[0] is not door.came[0]
        made.close()
        await until(lambda: len(door.ended) == MOST_UNKNOWN + 1)
        assert door.came[0] not in door.ended, "a pairing under way goes on"
        for sock in held:
            sock.close()


async def test_who_is_not_served_yet_when_it_closes_is_hung_up(listener: Listener) -> None:
    with connect(listener.open()) as sock:
        await until(lambda: listener._unknown)
        listener.close()
        await until(lambda: not listener._unknown)
        assert await asyncio.to_thread(sock.recv, 1) == b""


@pytest.mark.parametrize("fault", [OSError("it left"), RuntimeError("a bug")])
async def test_a_fault_of_one_is_no_fault_of_the_others(
    fault: Exception, listener: Listener, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.fault = fault
    port = listener.open()
    door.go.set()
    with connect(port):
        await until(lambda: len(door.ended) == 1)
    with connect(port):
        await until(lambda: len(door.ended) == 2)
    assert ("a pairing failed" in caplog.text) is isinstance(fault, RuntimeError)


async def test_when_the_system_has_no_descriptor_left_it_tries_again(
    listener: Listener, door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.01)
    loop = asyncio.get_running_loop()
    accept, faults = loop.sock_accept, [OSError(errno.EMFILE, "too many open files")]

    async def failing(sock: socket.socket) -> tuple[socket.socket, object]:
        if faults:
            raise faults.pop()
        return await accept(sock)

    monkeypatch.setattr(loop, "sock_accept", failing)
    with connect(listener.open()):
        await until(lambda: len(door.came) == 1)
    assert "cannot accept a joiner" in caplog.text


def test_without_ipv6_it_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with module._listening(0) as made:
        assert made.family is socket.AF_INET


def test_where_ipv6_is_switched_off_it_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.create_server

    def create(address: tuple[str, int], *, family: int, dualstack_ipv6: bool, backlog: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no IPv6")
        return real(address, family=family, dualstack_ipv6=dualstack_ipv6, backlog=backlog)

    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
    monkeypatch.setattr(socket, "create_server", create)
    with module._listening(0) as made:
        assert made.family is socket.AF_INET
