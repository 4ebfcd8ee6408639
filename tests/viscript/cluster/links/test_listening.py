import errno
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.rosters import host
from viscript.cluster.links import listening
from viscript.cluster.links.listening import Listening, Wanted, advertised, own_addresses
from viscript.store.memory import Memory

A = host(1)


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    made = Memory(tmp_path / "state.db")
    made.open()
    yield made
    made.close()


def nobody(port: object, key: object, *, near: bool) -> None:
    raise AssertionError("nobody dials here")


async def opened(made: Listening) -> Listening:
    await made.open(A.curve(), nobody)  # type: ignore[arg-type]  # nobody comes
    await made.listen()
    return made


def test_a_door_open_everywhere_is_advertised_at_the_addresses_there_are() -> None:
    own = ["10.0.0.2", "192.168.1.9"]
    assert advertised(["tcp://0.0.0.0:7791", "tcp://10.9.9.9:1"], own) == (
        "tcp://10.0.0.2:7791",
        "tcp://192.168.1.9:7791",
        "tcp://10.9.9.9:1",
    )
    assert advertised(["tcp://*:7", "tcp://[::]:7", "tcp://1.2.3.4:*"], own[:1]) == ("tcp://10.0.0.2:7",)
    assert len(advertised([f"tcp://h:{port}" for port in range(1, 99)], own)) == listening.ADDRESSES_MAX


def test_this_machine_has_an_address() -> None:
    assert own_addresses()


async def test_configured_addresses_are_bound_and_told_as_they_are(memory: Memory, short_tmp: Path) -> None:
    wanted = Wanted(listen=("tcp://127.0.0.1:*",))
    made = Listening(wanted, f"ipc://{short_tmp}/p.ipc", memory)
    assert made.addresses() == ()
    await opened(made)
    (address,) = made.addresses()
    assert address == made.doors.endpoints[0]
    assert address.startswith("tcp://127.0.0.1:")
    made.close()
    made.close()


async def test_what_is_to_be_advertised_is_said_instead(memory: Memory, short_tmp: Path) -> None:
    wanted = Wanted(listen=(), advertise=("tcp://example.org:7791",))
    made = await opened(Listening(wanted, f"ipc://{short_tmp}/p.ipc", memory))
    assert made.addresses() == ("tcp://example.org:7791",)
    assert made.doors.endpoints == []
    made.close()


async def test_what_cannot_be_bound_is_said_and_the_rest_goes_on(memory: Memory, short_tmp: Path) -> None:
    wanted = Wanted(listen=("tcp://198.51.100.1:7791", "tcp://127.0.0.1:*"))
    made = await opened(Listening(wanted, f"ipc://{short_tmp}/p.ipc", memory))
    assert made.trouble == f"tcp://198.51.100.1:7791: {os.strerror(errno.EADDRNOTAVAIL)}"
    assert len(made.doors.endpoints) == 1
    assert not await made.listen()
    assert len(made.doors.endpoints) == 1
    made.close()


async def test_a_taken_address_is_listened_on_once_it_is_free(memory: Memory, short_tmp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        made = Listening(Wanted(listen=(endpoint,)), f"ipc://{short_tmp}/p.ipc", memory)
        await made.open(A.curve(), nobody)  # type: ignore[arg-type]  # nobody comes
        made._tried = True
        assert not await made.listen()
    assert await made.listen()
    assert (made.trouble, made.doors.endpoints) == ("", [endpoint])
    assert await made.listen()
    made.close()


async def test_without_a_configuration_a_port_is_found_and_kept(
    memory: Memory, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        monkeypatch.setattr(listening, "PORT", taken.getsockname()[1])
        made = Listening(Wanted(), f"ipc://{short_tmp}/p.ipc", memory)
        assert all(one.endswith(f":{listening.PORT}") for one in made.addresses())
        await opened(made)
        (endpoint,) = made.doors.endpoints
        assert made.trouble == ""
        made.close()
        await opened(made)
        assert made.doors.endpoints == [endpoint]
        made.close()
