"""Requests and answers over two pipes; the app is played by the test."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable

import psutil
import pytest

from components.mesh.errors import Gone, MeshError, RemoteError, TimedOut
from components.visor.pipe import wire as module
from components.visor.pipe.frame import IDS, Cutter, Frame, Type, encode
from components.visor.pipe.wire import Wire


class Ends:
    def __init__(self) -> None:
        read, self.say = os.pipe()
        self.hear, write = os.pipe()
        self.took: list[Frame] = []
        self.why: list[str] = []
        self.cutter = Cutter()
        self.wire = Wire(read, write, self.took.append, self.why.append)

    async def heard(self) -> Frame:
        os.set_blocking(self.hear, False)
        while True:
            for frame in self.cutter.frames():
                return frame
            try:
                self.cutter.feed(os.read(self.hear, 65536))
            except BlockingIOError:
                await asyncio.sleep(0)

    def close(self) -> None:
        self.wire.end("over")
        for descriptor in (self.say, self.hear):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    before = psutil.Process().num_fds()
    made = Ends()
    async with asyncio.timeout(10):
        yield made
    made.close()
    assert psutil.Process().num_fds() == before


async def fails(call: Awaitable[object], error: type[MeshError], match: str) -> None:
    with pytest.raises(error, match=match):
        await call


async def test_a_request_gets_its_answer(ends: Ends) -> None:
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(ends.wire.ask(Type.SEND, b"{}"))
        frame = await ends.heard()
        assert frame == Frame(Type.SEND, 0, b"{}")
        os.write(ends.say, encode(Type.SUCCESS, frame.id, b"1"))
        assert await asked == b"1"


async def test_a_failure_is_told_in_the_apps_words(ends: Ends) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(ends.wire.ask(Type.SEND, b"{}"), RemoteError, "no listeners"))
        os.write(ends.say, encode(Type.FAILURE, (await ends.heard()).id, b"no listeners"))


async def test_an_id_without_answer_is_not_used_again(ends: Ends) -> None:
    with pytest.raises(TimedOut, match="CLOSE by the app"):
        await ends.wire.ask(Type.CLOSE, b"{}", deadline_s=0.01)
    assert (await ends.heard()).id == 0
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(ends.wire.ask(Type.CLOSE, b"{}"))
        assert (await ends.heard()).id == 1
        for id in (0, 0, 1):
            os.write(ends.say, encode(Type.SUCCESS, id))
        assert await asked == b"null"


async def test_no_more_than_255_are_under_way(ends: Ends) -> None:
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ends.wire.ask(Type.SEND, b"{}")) for _ in range(IDS + 1)]
        assert [(await ends.heard()).id for _ in range(IDS)] == list(range(IDS))
        os.write(ends.say, encode(Type.SUCCESS, 9))
        assert (await ends.heard()).id == 9
        for number in range(IDS):
            os.write(ends.say, encode(Type.SUCCESS, number))
        await asyncio.gather(*asked)


async def test_what_the_app_asks_is_answered(ends: Ends) -> None:
    os.write(ends.say, encode(Type.INIT, 3, b"{}") + encode(Type.CLOSE, 4, b"{}"))
    while len(ends.took) < 2:
        await asyncio.sleep(0)
    ends.wire.succeed(3)
    ends.wire.fail(4, "no such loop")
    assert await ends.heard() == Frame(Type.SUCCESS, 3, b"null")
    assert await ends.heard() == Frame(Type.FAILURE, 4, b"no such loop")


async def test_the_end_of_the_app_ends_all(ends: Ends) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(ends.wire.ask(Type.SEND, b"{}"), Gone, "closed its pipe"))
        await ends.heard()
        os.close(ends.say)
        ends.say = -1
    await fails(ends.wire.ask(Type.SEND, b"{}"), Gone, "closed its pipe")
    ends.wire.succeed(1)
    assert ends.why == ["the app closed its pipe"]


async def test_an_app_that_hears_no_more_is_over(ends: Ends) -> None:
    os.close(ends.hear)
    ends.hear = -1
    ends.wire.succeed(1)
    while not ends.why:
        await asyncio.sleep(0)


async def test_what_is_no_frame_ends_it(ends: Ends) -> None:
    os.write(ends.say, b"\0\0")
    while not ends.why:
        await asyncio.sleep(0)
    assert "broke the protocol" in ends.why[0]


async def test_an_app_that_reads_nothing_is_left(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 100_000)
    while not ends.why:
        ends.wire.succeed(1, bytes(30_000))
    assert ends.why == ["the app reads nothing"]


async def test_a_full_pipe_is_written_later(ends: Ends) -> None:
    for number in range(10):
        ends.wire.succeed(number, bytes(30_000))
    assert [(await ends.heard()).id for _ in range(10)] == list(range(10))
