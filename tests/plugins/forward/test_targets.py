"""The way to a target."""

import asyncio
import socket

import pytest

from plugins.forward import targets
from plugins.forward.targets import Datagrams, NoTarget, connect
from tests.support.silent_host import silent


async def test_a_target_is_connected_to_by_name_and_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            with await connect(f"{host}:{port}", udp=False) as sock:
                assert sock.getpeername() == ("127.0.0.1", port)


async def test_one_that_refuses_or_is_not_known_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(NoTarget, match="Connection refused"):
        await connect(place, udp=False)
    with pytest.raises(NoTarget, match="is not known there"):
        await connect(f"{'x' * 70}.invalid:80", udp=False)


async def test_one_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "CONNECT_S", 0.05)
    with silent() as (host, port), pytest.raises(NoTarget, match="does not answer"):
        await connect(f"{host}:{port}", udp=False)


async def test_an_address_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(asyncio.BaseEventLoop, "getaddrinfo")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (await connect(f"127.0.0.1:{port}", udp=False)).close()


async def test_that_nobody_listens_for_datagrams_now_is_no_end() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as later:
        later.bind(("127.0.0.1", 0))
        host, port = later.getsockname()
    with await connect(f"{host}:{port}", udp=True) as sock:
        program = Datagrams(sock)
        program.send(b"to nobody")
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            waiting = group.create_task(program.receive())
            await asyncio.sleep(0)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind((host, port))
                other.sendto(b"now", sock.getsockname())
            assert await waiting == b"now"
