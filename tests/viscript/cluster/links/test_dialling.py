import asyncio
import re
import socket
from pathlib import Path

import pytest

from signal_bus.limits import RECONNECT_MAX_S, RECONNECT_MIN_S
from signal_bus.peers import dialer
from signal_bus.peers.link import Link, Port
from signal_bus.testing import until
from signal_bus.wire import Keys
from tests.support.peering import Station, stations
from tests.support.rosters import host
from viscript.cluster.links import dialling
from viscript.cluster.links.dialling import Dialling, pauses
from viscript.cluster.model import ADDRESS

A, B, C = host(1), host(2), host(3)


def dialling_from(a: Station, b: Station, *ways: str, yields: bool = False, known: bool = True) -> Dialling:
    meet = a.met(dialled=True)

    def arrived(port: Port, way: str) -> Link:
        return meet(port, b.me.public_key, near=way.startswith("ipc"))

    return Dialling(
        context=a.doors.context,
        ways=lambda: ways,
        keys=lambda: Keys(b.me.curve().public, a.me.curve()) if known else None,
        arrived=arrived,
        yields=yields,
    )


def test_pauses_double_to_a_bound_and_are_jittered() -> None:
    pause = pauses()
    found = [pause() for _ in range(12)]
    assert RECONNECT_MIN_S / 2 <= found[0] <= RECONNECT_MIN_S
    assert all(RECONNECT_MAX_S / 2 <= one <= RECONNECT_MAX_S for one in found[7:])
    assert len(set(found)) == len(found)


async def test_every_way_is_tried_until_one_leads_there(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        one = dialling_from(a, b, "tcp://127.0.0.1:1", b.doors.endpoints[0])
        task = group.create_task(one.run())
        await until(lambda: a.ears.links)
        one.lonely.clear()
        assert "127.0.0.1:1" in one.trouble
        b.ears.links[0].end("stopped", "")
        await until(lambda: a.ears.ends)
        assert one.trouble == ""
        one.lonely.set()
        await until(lambda: len(a.ears.links) == 2)
        task.cancel()


async def test_no_address_that_a_host_may_tell_of_itself_ends_its_dialling(short_tmp: Path) -> None:
    """asyncio takes `]` for loopback, libzmq for nothing."""
    async with stations(short_tmp, A, B) as (a, b):
        here = b.doors.endpoints[0].replace("127.0.0.1", "]")
        told = ("tcp://a..b:1", "tcp://127.0.0.1:99999", here)
        assert all(re.match(ADDRESS, way) for way in told)
        assert not await dialling_from(a, b, *told)._round()


async def test_a_fault_of_ours_with_one_host_ends_no_task(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        one = dialling_from(a, b, b.doors.endpoints[0])
        hold = dialer.hold

        async def broken(*_: object) -> Link:
            monkeypatch.setattr(dialling, "hold", hold)
            raise ZeroDivisionError("ours")

        monkeypatch.setattr(dialling, "hold", broken)
        task = group.create_task(one.run())
        await until(lambda: one.trouble == "ZeroDivisionError: ours")
        await until(lambda: a.ears.links)
        assert "dialling a host failed" in caplog.text
        task.cancel()


async def test_who_is_not_let_in_says_so_and_tries_again(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        await b.know(C)
        one = dialling_from(a, b, b.doors.endpoints[0])
        task = group.create_task(one.run())
        await until(lambda: "not let in" in one.trouble)
        await b.know(A)
        await until(lambda: a.ears.links)
        task.cancel()


async def test_a_host_that_is_frozen_is_told_from_one_that_lets_nobody_in(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal_bus.peers.dialer.GREET_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        async with stations(short_tmp, A, B) as (a, b):
            one = dialling_from(a, b, f"tcp://127.0.0.1:{frozen.getsockname()[1]}")
            assert not await one._round()
            assert one.trouble.endswith("it takes connections and says nothing, as if it were frozen")


async def test_the_other_side_is_given_a_moment(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "YIELD_S", 0.05)
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        one = dialling_from(a, b, b.doors.endpoints[0], yields=True)
        task = group.create_task(one.run())
        await asyncio.sleep(0)
        one.lonely.clear()
        await asyncio.sleep(0.2)
        assert a.ears.links == []
        one.lonely.set()
        await until(lambda: a.ears.links)
        task.cancel()


async def test_a_host_whose_key_is_not_known_is_not_dialled(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b):
        assert not await dialling_from(a, b, b.doors.endpoints[0], known=False)._round()
        assert a.ears.ends == []
