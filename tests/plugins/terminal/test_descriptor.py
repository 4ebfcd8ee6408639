"""Pipes and terminals of ours."""

import asyncio
import os
import pty
from collections.abc import Iterator

import pytest

from plugins.terminal.descriptor import PIECE, Descriptor


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


async def test_all_that_is_written_is_read(pipe: tuple[int, int]) -> None:
    reading, writing = Descriptor(pipe[0]), Descriptor(pipe[1])
    data = os.urandom(5 * PIECE + 7)

    async def write() -> None:
        await writing.write(data)
        writing.close()

    got = bytearray()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(write())
        while piece := await reading.read():
            got += piece
    assert got == data
    reading.close()
    assert (reading.number, await reading.read()) == (-1, b"")
    reading.close()


async def test_a_reader_that_waits_is_woken_by_a_close(pipe: tuple[int, int]) -> None:
    reading = Descriptor(pipe[0])
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        waiting = group.create_task(reading.read())
        await asyncio.sleep(0)
        reading.close()
    assert waiting.result() == b""


async def test_to_finish_reads_what_has_come_and_waits_for_no_more(pipe: tuple[int, int]) -> None:
    reading = Descriptor(pipe[0])
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        waiting = group.create_task(reading.read())
        await asyncio.sleep(0)
        os.write(pipe[1], b"last words")
        reading.finish()
    assert waiting.result() == b"last words"
    assert await reading.read() == b""
    reading.close()


async def test_a_writer_is_told_that_nobody_reads(pipe: tuple[int, int]) -> None:
    writing = Descriptor(pipe[1])
    os.close(pipe[0])
    with pytest.raises(BrokenPipeError):
        await writing.write(b"x")
    writing.close()


async def test_a_terminal_that_nobody_has_open_is_at_its_end() -> None:
    master, slave = pty.openpty()
    reading = Descriptor(master)
    os.write(slave, b"x")
    os.close(slave)
    assert [await reading.read(), await reading.read()] == [b"x", b""]
    reading.close()


async def test_other_faults_are_told() -> None:
    folder = os.open("/", os.O_RDONLY)
    reading = Descriptor(folder)
    with pytest.raises(IsADirectoryError):
        await reading.read()
    reading.close()
