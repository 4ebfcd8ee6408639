"""A local port."""

import asyncio
import socket

import pytest

from components.visor.kit import gate as module
from components.visor.kit.gate import Gate, PortError


class Failing:
    """A listener without a descriptor left, the first time."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._problems = iter([OSError(24, "Too many open files"), BlockingIOError()])

    def accept(self) -> tuple[socket.socket, object]:
        for problem in self._problems:
            raise problem
        return self._listener.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self._listener, name)


async def asked(gate: Gate, said: bytes) -> bytes:
    host, _, port = gate.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(said)
    try:
        return await reader.read()
    except ConnectionResetError:  # as who closes with bytes unread tells it
        return b""
    finally:
        writer.close()


async def test_every_connection_is_served_and_a_fault_harms_one(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    gate = Gate("127.0.0.1", 0)
    gate._listener = Failing(gate._listener)  # type: ignore[assignment]
    loop = asyncio.get_running_loop()

    async def serve(sock: socket.socket) -> None:
        data = await loop.sock_recv(sock, 1)
        if data == b"x":
            raise ValueError(data)
        await loop.sock_sendall(sock, data)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(gate.run(serve))
        for said, answered in ((b"a", b"a"), (b"x", b""), (b"b", b"b")):
            assert await asked(gate, said) == answered
        running.cancel()
    gate.close()
    assert "a connection failed" in caplog.text
    assert "Too many open files" in caplog.text


async def test_one_connection_too_many_waits_until_another_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    gate = Gate("127.0.0.1", 0)
    begun, changed = list[asyncio.Event](), asyncio.Event()

    async def serve(sock: socket.socket) -> None:
        begun.append(asyncio.Event())
        changed.set()
        await begun[-1].wait()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(gate.run(serve))
        asking = [group.create_task(asked(gate, b"a")) for _ in range(3)]
        while len(begun) < 2:
            changed.clear()
            await changed.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(begun) == 2
        begun[0].set()
        while len(begun) < 3:
            changed.clear()
            await changed.wait()
        for each in begun:
            each.set()
        await asyncio.wait(asking)
        running.cancel()


async def test_a_gate_that_closes_ends_what_it_serves_even_while_it_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 1000.0)
    gate = Gate("127.0.0.1", 0)
    gate._listener = Failing(gate._listener)  # type: ignore[assignment]

    async def serve(sock: socket.socket) -> None:
        raise AssertionError("nobody comes in")

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(gate.run(serve))
        asking = group.create_task(asked(gate, b"a"))
        while gate._pause is None:
            await asyncio.sleep(0)
        running.cancel()
        assert await asking == b""


def test_a_connection_that_cannot_be_prepared_is_closed() -> None:
    taken, other = socket.socketpair()  # of no kind that has TCP's options

    class Odd:
        def accept(self) -> tuple[socket.socket, object]:
            return taken, None

    gate = Gate("127.0.0.1", 0)
    listener, gate._listener = gate._listener, Odd()  # type: ignore[assignment]
    with pytest.raises(OSError, match="not supported"):
        gate._accepted()
    assert taken.fileno() == -1
    other.close()
    listener.close()


def test_an_address_of_ipv6_is_shown_in_brackets() -> None:
    gate = Gate("::1", 0)
    assert gate.address.startswith("[::1]:")
    gate.close()


def test_a_place_that_cannot_be_had_is_told() -> None:
    with pytest.raises(PortError, match=r"cannot listen at 192.0.2.1:9: "):
        Gate("192.0.2.1", 9)
