"""A local port."""

import asyncio
import socket

import pytest

from components.visor.kit import gate as module
from components.visor.kit.gate import Gate, PortError


async def test_every_connection_is_served_and_a_fault_harms_one(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    gate = Gate("127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    real, tries = loop.sock_accept, iter([OSError(24, "Too many open files")])

    async def accept(sock: socket.socket) -> tuple[socket.socket, object]:
        for problem in tries:
            raise problem
        return await real(sock)

    async def serve(sock: socket.socket) -> None:
        data = await loop.sock_recv(sock, 1)
        if data == b"x":
            raise ValueError(data)
        await loop.sock_sendall(sock, data)

    monkeypatch.setattr(loop, "sock_accept", accept)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(gate.run(serve))
        for said, answered in ((b"a", b"a"), (b"x", b""), (b"b", b"b")):
            host, _, port = gate.address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(said)
            assert await reader.read() == answered
            writer.close()
        running.cancel()
    gate.close()
    assert "a connection failed" in caplog.text
    assert "Too many open files" in caplog.text


def test_an_address_of_ipv6_is_shown_in_brackets() -> None:
    gate = Gate("::1", 0)
    assert gate.address.startswith("[::1]:")
    gate.close()


def test_a_place_that_cannot_be_had_is_told() -> None:
    with pytest.raises(PortError, match=r"cannot listen at 192.0.2.1:9: "):
        Gate("192.0.2.1", 9)
