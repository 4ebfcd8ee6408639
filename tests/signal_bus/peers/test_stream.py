import asyncio
import os

import pytest

from signal_bus.errors import RemoteError
from signal_bus.peers import stream as module
from signal_bus.peers.messages import WINDOW_BYTES
from signal_bus.peers.stream import Stream
from signal_bus.testing import until
from tests.support.peering import joined, read_all
from tests.support.rosters import host

A, B = host(1), host(2)


async def connected() -> tuple[Stream, Stream]:
    left, right = await joined(A, B)
    mine = left.link.open("door", {"a": "b"})
    await until(lambda: right.ears.streams)
    return mine, right.ears.streams[0]


async def test_bytes_arrive_and_the_end_too() -> None:
    mine, theirs = await connected()
    assert (theirs.kind, theirs.meta) == ("door", {"a": "b"})
    await mine.write(b"ask")
    mine.end()
    assert await read_all(theirs) == b"ask"
    await theirs.write(b"answer")
    await theirs.close()
    assert await read_all(mine) == b"answer"


async def test_much_goes_through_a_small_window() -> None:
    mine, theirs = await connected()
    data = os.urandom(8 * WINDOW_BYTES + 7)

    async def write() -> None:
        await mine.write(data)
        await mine.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        read = group.create_task(read_all(theirs))
    assert read.result() == data


async def test_a_writer_waits_for_its_reader() -> None:
    mine, theirs = await connected()
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(mine.write(bytes(2 * WINDOW_BYTES)))
        group.create_task(asyncio.sleep(0.05))
        assert not writing.done()
        got = 0
        while got < 2 * WINDOW_BYTES:
            got += len(await theirs.read())


async def test_a_close_with_a_code_is_raised_at_the_other_end() -> None:
    mine, theirs = await connected()
    await theirs.close("failed", "a fault there")
    with pytest.raises(RemoteError, match="failed: a fault there"):
        await mine.read()
    with pytest.raises(RemoteError):
        await mine.write(b"x")


async def test_who_writes_to_what_was_closed_in_order_is_told() -> None:
    mine, theirs = await connected()
    await theirs.close()
    assert await mine.read() == b""
    with pytest.raises(BrokenPipeError):
        await mine.write(b"x")
    await mine.close()


async def test_where_nothing_is_to_leave_a_close_waits_for_nothing() -> None:
    mine, theirs = await connected()
    await mine.write(b"ask")
    assert await theirs.read() == b"ask"
    closing = mine.close()
    with pytest.raises(StopIteration):
        closing.send(None)
    assert await theirs.read() == b""
    assert (mine._strand.over, theirs._strand.over) == (True, True)


async def test_what_nobody_reads_does_not_hold_up_a_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.05)
    mine, theirs = await connected()
    try:
        async with asyncio.timeout(0.05):
            await mine.write(bytes(2 * WINDOW_BYTES))
    except TimeoutError:
        pass
    await mine.close()
    await until(lambda: theirs._strand.fault)
    with pytest.raises(RemoteError, match="unread"):
        await read_all(theirs)
