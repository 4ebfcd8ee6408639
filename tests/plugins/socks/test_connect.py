"""The way out of an exit."""

import asyncio
import errno
import socket
from typing import Any

import pytest

from plugins.socks import connect as module
from plugins.socks.connect import NotConnected, code_of, connect, own_addresses, places
from plugins.socks.destination import Destination
from plugins.socks.policy import Policy
from plugins.socks.request import Code
from tests.support.programs import free_port

OPEN = Policy(allow_private=True)


def test_the_addresses_of_this_host_are_known() -> None:
    assert "127.0.0.1" in own_addresses()


async def test_a_name_is_judged_by_where_it_leads() -> None:
    with pytest.raises(NotConnected, match="private") as caught:
        await places(Destination("localhost", 80), Policy())
    assert caught.value.code is Code.NOT_ALLOWED
    assert await places(Destination("localhost", 80), OPEN)


async def test_an_address_of_the_exit_is_refused() -> None:
    with pytest.raises(NotConnected, match="the exit's own"):
        await places(Destination("1.1.1.1", 80), Policy(), lambda: ["1.1.1.1"])


async def test_what_listens_is_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sock = await connect(Destination("127.0.0.1", server.getsockname()[1]), OPEN)
        sock.close()


async def test_where_nobody_listens_it_is_refused() -> None:
    with pytest.raises(NotConnected) as caught:
        await connect(Destination("127.0.0.1", free_port()), OPEN)
    assert caught.value.code is Code.REFUSED


@pytest.mark.parametrize("name", ["nobody.invalid", "a..b", "x" * 200])
async def test_a_name_that_is_none_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*words: object, **more: object) -> Any:
        if name == "nobody.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(NotConnected, match="not known") as caught:
        await connect(Destination(name, 80), OPEN)
    assert caught.value.code is Code.NO_HOST


async def test_a_resolver_and_a_host_that_are_silent_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(*words: object, **more: object) -> Any:
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(module, "ADDRESS_S", 0.01)
    with monkeypatch.context() as inner:
        inner.setattr(loop, "sock_connect", silent)
        with pytest.raises(NotConnected) as caught:
            await connect(Destination("127.0.0.1", 80), OPEN)
        assert caught.value.code is Code.TOO_LATE
        inner.setattr(module, "ADDRESS_S", 5.0)
        inner.setattr(module, "ALL_S", 0.01)
        with pytest.raises(NotConnected, match="no answer within"):
            await connect(Destination("127.0.0.1", 80), OPEN)
    monkeypatch.setattr(module, "LOOKUP_S", 0.01)
    monkeypatch.setattr(loop, "getaddrinfo", silent)
    with pytest.raises(NotConnected, match="resolver"):
        await connect(Destination("localhost", 80), OPEN)


def test_failures_have_the_numbers_of_socks() -> None:
    assert code_of(OSError(errno.EHOSTUNREACH, "x")) is Code.NO_HOST
    assert code_of(OSError(errno.ENETUNREACH, "x")) is Code.NO_NETWORK
    assert code_of(TimeoutError()) is Code.TOO_LATE
    assert code_of(OSError(errno.EPERM, "x")) is Code.FAILED
