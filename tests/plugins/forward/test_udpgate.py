"""A local port for datagrams."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from components.visor.kit.gate import PortError
from plugins.forward import udpgate
from plugins.forward.udpgate import Serve, Source, UdpGate
from tests.support.nodes import until


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[UdpGate]:
    gate = UdpGate("127.0.0.1", 0)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(gate.run(serve))
        yield gate
        task.cancel()


def sender(gate: UdpGate) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", int(gate.address.rpartition(":")[2])))
    return sock


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(PortError, match="for datagrams: Address already in use"):
            UdpGate(*taken.getsockname())


async def test_an_address_of_ipv6_has_brackets() -> None:
    gate = UdpGate("::1", 0)
    assert gate.address.startswith("[::1]:")
    gate.close()


async def test_each_program_has_its_own_and_gets_its_own_answers() -> None:
    async def echo(source: Source) -> None:
        count = 0
        while True:
            count += 1
            source.send(b"%d " % count + await source.receive())

    async with serving(echo) as gate:
        loop = asyncio.get_running_loop()
        with sender(gate) as one, sender(gate) as two:
            for sock, text in ((one, b"a"), (two, b"b"), (one, b"c")):
                sock.setblocking(False)
                await loop.sock_sendall(sock, text)
            assert [await loop.sock_recv(one, 99) for _ in range(2)] == [b"1 a", b"2 c"]
            assert await loop.sock_recv(two, 99) == b"1 b"


async def test_more_than_may_wait_are_lost() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        source = Source(sock, None)
        for number in range(udpgate.WAITING + 9):
            source.came(b"%d" % number)
        assert [await source.receive() for _ in range(udpgate.WAITING)][-1] == b"%d" % (udpgate.WAITING - 1)


async def test_who_was_silent_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udpgate, "MOST", 2)
    begun: list[bytes] = []
    ended: list[bytes] = []

    async def wait(source: Source) -> None:
        first = await source.receive()
        begun.append(first)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(first)

    async with serving(wait) as gate:
        with sender(gate) as one, sender(gate) as two, sender(gate) as three:
            for sock, text in ((one, b"1"), (two, b"2")):
                sock.send(text)
                await until(lambda: text in begun)  # noqa: B023 (it is over before the next)
            one.send(b"again")
            three.send(b"3")
            await until(lambda: b"3" in begun)
            await until(lambda: ended == [b"2"])
    assert sorted(ended) == [b"1", b"2", b"3"]


async def test_a_bug_in_one_ends_that_one_only(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(source: Source) -> None:
        if await source.receive() == b"bad":
            raise ValueError("a bug")
        source.send(b"good")

    async with serving(fail) as gate:
        loop = asyncio.get_running_loop()
        with sender(gate) as one, sender(gate) as two, caplog.at_level(logging.ERROR):
            one.send(b"bad")
            two.setblocking(False)
            two.send(b"x")
            assert await loop.sock_recv(two, 99) == b"good"
            await until(lambda: "datagrams failed" in caplog.text)
