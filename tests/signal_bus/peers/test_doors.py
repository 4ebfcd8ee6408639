import asyncio
import os
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq

from signal_bus.errors import EndpointTaken
from signal_bus.ids import PublicKey
from signal_bus.peers import crowd
from signal_bus.peers.link import Link, Port
from signal_bus.peers.stream import Stream
from signal_bus.testing import until
from signal_bus.wire import Keys, Wire
from tests.support.peering import Station, read_all, stations
from tests.support.rosters import host

A, B, C = host(1), host(2), host(3)


async def test_a_host_dials_and_streams_go_both_ways_by_tcp_and_by_ipc(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        await b.doors.listen("tcp://[::1]:*")
        for place in (*b.doors.endpoints, b.local):
            held = group.create_task(a.dial(b, place))
            await until(lambda: len(a.ears.links) == len(b.ears.links) > len(a.ears.ends))
            for one, other in ((a, b), (b, a)):
                mine = one.ears.links[-1].open("door", {})
                await mine.write(b"hello")
                await until(lambda other=other: other.ears.streams)  # type: ignore[misc]  # mypy: a default
                theirs: Stream = other.ears.streams.pop()
                assert await theirs.read() == b"hello"
            b.ears.links[-1].end("stopped", "")
            assert (await held).over


async def test_a_stranger_is_not_let_in(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b):
        stranger = Station(C, short_tmp)
        await stranger.open()
        async with asyncio.timeout(10):
            link = await stranger.dial(b)
        assert link.hello is None
        assert b.doors.denied == 1
        assert b.ears.links == a.ears.links == []
        stranger.doors.close()


async def test_a_wrong_server_key_is_noticed(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b):
        b.me = C
        link = await a.dial(b)
        assert link.hello is None


async def test_a_revoked_host_is_cut_at_once_and_the_others_come_back(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B, C) as (a, b, c), asyncio.TaskGroup() as group:
        held = [group.create_task(one.dial(b)) for one in (a, c)]
        await until(lambda: len(b.ears.links) == 2 and c.ears.links)
        stream = c.ears.links[0].open("door", {})
        await stream.write(b"x")
        await until(lambda: b.ears.streams)
        place = b.doors.endpoints[0]
        await b.know(A)
        with pytest.raises(ConnectionResetError):
            await read_all(b.ears.streams[0])
        with pytest.raises(ConnectionResetError):
            await stream.read()
        for one in held:
            await one
        assert b.doors.endpoints == [place]
        assert (await c.dial(b)).hello is None
        again = group.create_task(a.dial(b))
        await until(lambda: len(a.ears.links) == 2)
        a.ears.links[1].end("left", "")
        await again


async def test_a_revoked_host_whose_link_has_ended_before_loses_its_connection_too(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B, C) as (a, b, c), asyncio.TaskGroup() as group:
        held = [group.create_task(one.dial(b)) for one in (a, c)]
        await until(lambda: len(b.ears.links) == 2)
        theirs = {link.key: link for link in b.ears.links}
        theirs[C.public_key].end("revoked", "it is put out")
        await b.know(A)
        assert theirs[A.public_key].ended == "renewed"
        for one in held:
            await one
        assert (await c.dial(b)).hello is None
        again = group.create_task(a.dial(b))
        await until(lambda: len(b.ears.links) == 3)
        await b.know(A)  # nobody goes: nobody is cut
        assert not b.ears.links[2].over
        b.ears.links[2].end("left", "")
        await again


async def test_a_port_that_is_taken_when_the_door_opens_anew_is_tried_again(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stations(short_tmp, A, B, C) as (a, b, c), asyncio.TaskGroup() as group:
        await b.doors.listen("tcp://127.0.0.1:*")
        held = [group.create_task(one.dial(b)) for one in (a, c)]
        await until(lambda: len(b.ears.links) == 2)
        places = list(b.doors.endpoints)
        with monkeypatch.context() as patch:

            async def taken(*_: object) -> None:
                raise zmq.ZMQError(zmq.EADDRINUSE)

            patch.setattr("signal_bus.peers.doors.bind_tcp", taken)
            with pytest.raises(zmq.ZMQError):
                await b.know(A)
        assert b.doors.endpoints == []
        for one in held:
            await one
        await b.know(A)
        assert b.doors.endpoints == places
        again = group.create_task(a.dial(b))
        await until(lambda: len(a.ears.links) == 2)
        a.ears.links[1].end("left", "")
        await again


async def test_a_connection_that_is_refused_as_it_comes_is_not_kept(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b):
        meet = b.doors._arrived

        def full(port: Port, key: PublicKey, *, near: bool) -> Link:
            link = meet(port, key, near=near)
            link.end("busy", "too many")
            return link

        b.doors._arrived = full
        for _ in range(3):
            assert (await a.dial(b)).ended == "busy"
        assert b.doors._links == {}


async def test_a_key_that_now_belongs_to_another_host_is_met_anew(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        held = group.create_task(a.dial(b))
        await until(lambda: b.ears.links and a.ears.links)
        await b.doors.let_in({A.curve().public: C.public_key})
        await held
        assert b.ears.ends == ["revoked"]


async def test_who_sends_nonsense_is_not_heard_for_a_moment_and_harms_nobody(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B, C) as (a, b, c), asyncio.TaskGroup() as group:
        held = group.create_task(a.dial(b))
        await until(lambda: b.ears.links and a.ears.links)
        heard: list[bytes] = []
        keys = Keys(B.curve().public, C.curve())
        wire = Wire(c.doors.context, b.doors.endpoints[0], keys, heard.append)
        wire.send(b"nonsense")
        await until(lambda: b.ears.ends)
        for _ in range(200):
            wire.send(b"\x81\xa1t\xa1x")
        await until(lambda: heard)  # the goodbye
        assert b.ears.ends == ["bad-message"]
        assert not b.ears.links[0].over
        wire.close()
        b.ears.links[0].end("left", "")
        await held


async def test_nothing_is_lost_on_a_connection_in_use_because_another_was_faulty(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        held = group.create_task(a.dial(b))
        await until(lambda: b.ears.links and a.ears.links)
        b.doors._muted[A.curve().public.hex()] = b.doors._clock() + 60
        stream = a.ears.links[0].open("door", {})
        await stream.write(b"heard")
        await until(lambda: b.ears.streams)
        assert await b.ears.streams[0].read() == b"heard"
        heard: list[bytes] = []
        keys = Keys(B.curve().public, A.curve())
        wire = Wire(a.doors.context, b.doors.endpoints[0], keys, heard.append)
        wire.send(b"nonsense")
        await asyncio.sleep(0.1)
        assert heard == []
        wire.close()
        a.ears.links[0].end("left", "")
        await held


async def test_after_that_moment_it_is_heard_again(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b):
        now = [0.0]
        b.doors._clock = lambda: now[0]
        b.doors._muted[A.curve().public.hex()] = 1.0
        assert b.doors._is_muted(A.curve().public.hex())
        assert not b.doors._is_muted(B.curve().public.hex())
        now[0] = 1.0
        assert not b.doors._is_muted(A.curve().public.hex())
        assert b.doors._muted == {}
        assert a.doors.denied == 0


async def test_a_live_door_is_not_robbed_and_no_file_is_left(short_tmp: Path) -> None:
    first, second = Station(A, short_tmp), Station(A, short_tmp)
    await first.open()
    with pytest.raises(EndpointTaken):
        await second.open()
    second.doors.close()
    assert Path(first.local.removeprefix("ipc://")).is_socket()
    first.doors.close()
    assert list(short_tmp.iterdir()) == []


async def test_an_address_that_is_not_ours_is_said(short_tmp: Path) -> None:
    station = Station(A, short_tmp, listen=("tcp://192.0.2.1:7791",))
    with pytest.raises(zmq.ZMQError):
        await station.open()
    station.doors.close()


async def test_strangers_bytes_harm_nobody(short_tmp: Path) -> None:
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        held = group.create_task(a.dial(b))
        await until(lambda: a.ears.links)
        host_name, _, port = b.doors.endpoints[0].removeprefix("tcp://").rpartition(":")
        signature = b"\xff" + bytes(8) + b"\x7f\x03\x00"
        writers = []
        for number in range(40):
            _, writer = await asyncio.open_connection(host_name, int(port))
            writer.write(os.urandom(500) if number % 2 else signature + os.urandom(500))
            writers.append(writer)
        stream = a.ears.links[0].open("door", {})
        await stream.write(b"still")
        await until(lambda: b.ears.streams)
        assert await b.ears.streams[0].read() == b"still"
        assert b.ears.ends == []
        for writer in writers:
            writer.close()
        a.ears.links[0].end("left", "")
        await held


async def test_a_crowd_of_strangers_takes_no_more_than_its_part_and_hosts_come_in(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "OF_ONE_MAX", 20)
    async with stations(short_tmp, A, B) as (a, b), asyncio.TaskGroup() as group:
        port = int(b.doors.endpoints[0].rpartition(":")[2])
        before = len(os.listdir("/dev/fd"))
        with ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.2", 0)))
            await until(lambda: b.doors.strangers <= 20 and b.doors.turned_away >= 180)
            await until(lambda: len(os.listdir("/dev/fd")) <= before + 200 + 20 + 5)
            held = group.create_task(a.dial(b))
            await until(lambda: b.ears.links and a.ears.links)
            assert b.doors.strangers <= 20
            b.ears.links[0].end("left", "")
            await held
