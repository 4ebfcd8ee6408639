"""The way out of an exit."""

import errno
import socket

import pytest

from plugins.socks import connect as module
from plugins.socks.connect import code_of, connect, own_addresses, places
from plugins.socks.destination import Destination
from plugins.socks.policy import Policy
from plugins.socks.request import Code
from plugins.socks.resolver import LookUp, NotConnected, Resolver
from tests.support.programs import free_port
from tests.support.silent_host import silent

OPEN = Policy(allow_private=True)


def names() -> LookUp:
    """As an exit looks them up."""
    return Resolver().of("peer")


def test_the_addresses_of_this_host_are_known() -> None:
    assert "127.0.0.1" in own_addresses()


async def test_a_name_is_judged_by_where_it_leads() -> None:
    with pytest.raises(NotConnected, match="private") as caught:
        await places(Destination("localhost", 80), Policy(), names())
    assert caught.value.code is Code.NOT_ALLOWED
    assert await places(Destination("localhost", 80), OPEN, names())


async def test_an_address_of_the_exit_is_refused() -> None:
    with pytest.raises(NotConnected, match="the exit's own"):
        await places(Destination("1.1.1.1", 80), Policy(), names(), lambda: ["1.1.1.1"])


async def test_what_listens_is_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sock = await connect(Destination("127.0.0.1", server.getsockname()[1]), OPEN, names())
        sock.close()


async def test_where_nobody_listens_it_is_refused() -> None:
    with pytest.raises(NotConnected) as caught:
        await connect(Destination("127.0.0.1", free_port()), OPEN, names())
    assert caught.value.code is Code.REFUSED


async def test_a_host_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent() as where:
        monkeypatch.setattr(module, "ADDRESS_S", 0.01)
        with pytest.raises(NotConnected) as caught:
            await connect(Destination(*where), OPEN, names())
        assert caught.value.code is Code.TOO_LATE
        monkeypatch.setattr(module, "ADDRESS_S", 5.0)
        monkeypatch.setattr(module, "ALL_S", 0.01)
        with pytest.raises(NotConnected, match="no answer within"):
            await connect(Destination(*where), OPEN, names())


def test_failures_have_the_numbers_of_socks() -> None:
    assert code_of(OSError(errno.EHOSTUNREACH, "x")) is Code.NO_HOST
    assert code_of(OSError(errno.ENETUNREACH, "x")) is Code.NO_NETWORK
    assert code_of(TimeoutError()) is Code.TOO_LATE
    assert code_of(OSError(errno.EPERM, "x")) is Code.FAILED
