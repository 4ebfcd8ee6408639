"""Conversations of a door straight on a stream between hosts."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_bus.testing import until
from tests.support.fake_world import FakeWorld, instance
from tests.support.peering import Side, joined
from tests.support.rosters import host
from viscript.cluster.links.stream import HostStream
from viscript.door.connection import LineTooLong
from viscript.door.distant import DistantConnection
from viscript.door.protocol import FAR_LINE_MAX
from viscript.door.server import Door
from viscript.render.writer import ReaderGoneError
from viscript.verbs.table import Role

A, B = host(1), host(2)


async def connected() -> tuple[HostStream, DistantConnection, Side]:
    """The caller's stream, the door's end of it, and the link of the latter."""
    left, right = await joined(A, B)
    mine = left.link.open("door", {})
    await until(lambda: right.ears.streams)
    theirs = HostStream(right.ears.streams[0], "a", A.public_key)
    return HostStream(mine, "b", B.public_key), DistantConnection(theirs), right


class Pieces:
    """A stream that gives what it was made with."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.meta: dict[str, str] = {}

    async def read(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    async def write(self, data: bytes) -> None:
        raise AssertionError("nothing is said here")

    def end(self) -> None:
        raise AssertionError("nothing ends here")

    async def close(self, code: str = "", text: str = "") -> None:
        raise AssertionError("nothing is closed here")


@given(data=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=100, deadline=None)
def test_lines_and_what_follows_them_survive_any_split(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[at:to] for at, to in pairwise(places) if at < to]

    async def read() -> list[bytes]:
        connection = DistantConnection(Pieces(pieces))
        lines = [line for _ in range(data.count(b"\n")) if (line := await connection.line()) is not None]
        rest = b""
        while piece := await connection.chunk():
            rest += piece
        assert await connection.line() is None
        return [*lines, rest]

    *lines, rest = asyncio.run(read())
    assert b"".join(lines) + rest == data
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)


@pytest.mark.parametrize("pieces", [[b"x" * 8192] * 9, [b"x" * FAR_LINE_MAX, b"x\n"]])
async def test_a_line_that_is_too_long_is_refused(pieces: list[bytes]) -> None:
    connection = DistantConnection(Pieces(pieces))
    with pytest.raises(LineTooLong):
        await connection.line()


async def test_two_that_write_at_once_do_not_mix() -> None:
    mine, connection, _ = await connected()
    one, two = b"1" * 600_000, b"2" * 600_000
    heard = b""
    async with asyncio.TaskGroup() as group:
        group.create_task(connection.send(one))
        group.create_task(connection.send(two))
        while len(heard) < len(one) + len(two):
            heard += await mine.read()
    assert heard in (one + two, two + one)


async def test_a_caller_that_is_gone_is_noticed_by_who_reads_and_by_who_writes() -> None:
    _, connection, right = await connected()
    right.link.end("silent", "nothing was heard")
    assert await connection.line() is None
    assert await connection.chunk() == b""
    with pytest.raises(ReaderGoneError):
        await connection.send(b"hello")
    await connection.close()


async def test_a_door_converses_on_a_stream_and_hangs_up(short_tmp: Path) -> None:
    world = FakeWorld(instance(7, "apptracker"))
    mine, connection, _ = await connected()
    async with Door(world, world.table, short_tmp / "d") as door, asyncio.TaskGroup() as group:
        group.create_task(door.serve(connection._stream, actor="ab" * 32, role=Role.VIEW))
        await mine.write(b'{"v":1,"argv":["la"]}\n')
        said = b""
        while data := await mine.read():
            said += data
    answers = [json.loads(line) for line in said.splitlines()]
    assert not any("k" in answer for answer in answers)  # the link tells that somebody is here
    assert answers[-1] == {"x": 0}


async def test_a_caller_that_leaves_ends_what_he_asked_for(short_tmp: Path) -> None:
    world = FakeWorld(instance(7, "apptracker"))
    mine, connection, _ = await connected()
    async with Door(world, world.table, short_tmp / "d") as door, asyncio.TaskGroup() as group:
        serving = group.create_task(door.serve(connection._stream, actor="ab" * 32, role=Role.VIEW))
        await mine.write(b'{"v":1,"argv":["events","-f"]}\n')
        await until(lambda: door.room._open["ab" * 32] == 1)
        await mine.close("cancelled", "interrupted")
        async with asyncio.timeout(10):
            await serving
