import asyncio
import socket
from pathlib import Path

import pytest

from signal_bus.errors import Unreachable
from signal_bus.peers import dialer
from signal_bus.peers.link import Link, Port
from signal_bus.testing import until
from signal_bus.wire import Keys
from tests.support.peering import stations
from tests.support.rosters import host

A, B = host(1), host(2)


async def test_where_nobody_listens_is_known_at_once(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b):
        for place in (f"ipc://{short_tmp}/nobody.ipc", "tcp://127.0.0.1:1"):
            with pytest.raises(Unreachable):
                await a.dial(b, place)


async def test_who_accepts_and_never_speaks_is_given_up(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialer, "GREET_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with stations(short_tmp, A, B) as (a, b):
            await a.dial(b, f"tcp://127.0.0.1:{silent.getsockname()[1]}")
            assert a.ears.ends == ["silent"]


async def test_a_dial_that_is_cancelled_hangs_up(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b):
        async with asyncio.TaskGroup() as group:
            held = group.create_task(a.dial(b))
            await until(lambda: b.ears.links)
            held.cancel()
        assert a.ears.ends == ["left"]
        await until(lambda: b.ears.ends)


async def test_a_host_that_dies_ends_the_link(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        group.create_task(a.dial(b))
        await until(lambda: a.ears.links and b.ears.links)
        for door in b.doors._doors:
            door.close()
        await until(lambda: a.ears.ends)
        assert a.ears.ends == ["gone"]


async def test_a_link_that_cannot_be_made_leaves_no_connection(short_tmp: Path) -> None:
    def refuse(port: Port) -> Link:
        raise LookupError("a bug")

    async with stations(short_tmp, A, B) as (a, b):
        keys = Keys(B.curve().public, A.curve())
        with pytest.raises(LookupError):
            await dialer.hold(a.doors.context, b.doors.endpoints[0], keys, refuse)
