import asyncio
import os
import random
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.log_folder import SECOND, START_NS, LogFolder, numbered
from viscript.logs.bell import Bell
from viscript.logs.follower import Cursor
from viscript.logs.lines import Line
from viscript.logs.reader import LogReader, follow_many, read_many


async def take(lines: AsyncIterator[Line], count: int) -> list[Line]:
    taken: list[Line] = []
    async with asyncio.timeout(20):
        async for line in lines:
            taken.append(line)
            if len(taken) == count:
                break
    return taken


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def test_the_last_lines(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, max_bytes=100, backups=50)
    folder.write(numbered(0, 100))
    folder.close()
    reader = LogReader(str(tmp_path))
    assert texts(reader.last(3)) == ["line 000097", "line 000098", "line 000099"]
    assert len(reader.last(1000)) == 100
    assert reader.last(0) == []


def test_an_empty_folder_has_no_lines(tmp_path: Path) -> None:
    reader = LogReader(str(tmp_path / "none"))
    assert reader.last(5) == []
    assert list(reader.read()) == []
    assert reader.newest() == Cursor(0, 0)


def test_lines_since_a_time(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    for number in range(10):
        folder.write(numbered(number, number + 1))
    folder.close()
    since = list(LogReader(str(tmp_path)).since(START_NS / SECOND + 8))
    assert texts(since) == ["line 000007", "line 000008", "line 000009"]
    assert since[0].time_ns == START_NS + 8 * SECOND


def test_two_streams_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    out, err = LogFolder(tmp_path), LogFolder(tmp_path, stream="err")
    for number in range(6):
        (err if number % 2 else out).write(b"%d\n" % number, at_ns=START_NS + number)
    for folder in (out, err):
        folder.close()
    assert texts(list(LogReader(str(tmp_path)).read())) == list("012345")
    assert texts(LogReader(str(tmp_path)).last(3)) == list("345")
    assert texts(LogReader(str(tmp_path), "err").last(2)) == list("35")
    assert texts(LogReader(str(tmp_path), "out").last(9)) == list("024")
    reader = LogReader(str(tmp_path))
    assert texts(list(reader.read(reader.before_last(2)))) == list("45")
    assert texts(list(reader.read(reader.before_last(5)))) == list("12345")


def test_an_unfinished_line_is_read(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    folder.write(b"done\nname? ")
    folder.close()
    done, piece = LogReader(str(tmp_path)).read()
    assert (done.whole, piece.whole, piece.text) == (True, False, "name? ")


def test_many_apps_interleave_by_time(tmp_path: Path) -> None:
    readers = {}
    for app in range(3):
        folder = LogFolder(tmp_path / str(app))
        for number in range(app, 30, 3):
            folder.write(b"%d\n" % number, at_ns=START_NS + number)
        folder.close()
        readers[app] = LogReader(folder.path)
    merged = list(read_many(readers, {}))
    assert [int(line.text) for _, line in merged] == list(range(30))
    assert all(int(line.text) % 3 == app for app, line in merged)


def test_reading_leaves_nothing_open(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    folder.write(numbered(0, 10))
    folder.close()
    before = psutil.Process().num_fds()
    next(LogReader(str(tmp_path)).read())
    LogReader(str(tmp_path)).last(3)
    assert psutil.Process().num_fds() == before


async def test_following_begins_at_the_end(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    folder.write(b"before\n")
    bell = Bell()
    follow = LogReader(str(tmp_path)).follow(bell=bell, poll_s=10.0)
    async with aclosing(follow) as lines, asyncio.TaskGroup() as group:
        task = group.create_task(take(lines, 2))
        await asyncio.sleep(0)
        folder.write(b"after\n")
        bell.ring()
        await asyncio.sleep(0)
        folder.write(b"later\n")
        bell.ring()
    assert texts(task.result()) == ["after", "later"]
    folder.close()


async def test_without_a_bell_it_polls(tmp_path: Path) -> None:
    reader = LogReader(str(tmp_path / "later"))
    async with aclosing(reader.follow(poll_s=0.005)) as lines, asyncio.TaskGroup() as group:
        task = group.create_task(take(lines, 1))
        await asyncio.sleep(0)
        folder = LogFolder(tmp_path / "later")
        folder.write(b"hello\n")
    assert texts(task.result()) == ["hello"]
    folder.close()


async def test_a_question_without_line_end_is_shown_after_a_while(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    folder.write(b"name? ")
    reader = LogReader(str(tmp_path))
    async with aclosing(reader.follow(reader.oldest(), poll_s=0.1)) as lines:
        (piece,) = await take(lines, 1)
        folder.write(b"Ann\n")
        (rest,) = await take(lines, 1)
    assert (piece.text, rest.text) == ("name? ", "Ann")
    assert rest.start == piece.end
    folder.close()


async def test_following_starts_where_the_last_lines_began(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, max_bytes=100, backups=50)
    folder.write(numbered(0, 50))
    reader = LogReader(str(tmp_path))
    async with aclosing(reader.follow(reader.before_last(3), poll_s=0.01)) as lines:
        backlog = await take(lines, 3)
        folder.write(numbered(50, 51))
        live = await take(lines, 1)
    assert texts(backlog + live) == [f"line {number:06d}" for number in range(47, 51)]
    folder.close()


async def test_a_hundred_thousand_lines_through_rotations_are_complete(tmp_path: Path) -> None:
    """Blocks of odd sizes, six segments kept; the reader gets a turn now and then."""
    folder = LogFolder(tmp_path, max_bytes=200_000, backups=5)
    data = numbered(0, 100_000)
    sizes = random.Random(7)

    async def write() -> None:
        place = 0
        while place < len(data):
            size = sizes.randrange(1, 20_000)
            folder.write(data[place : place + size])
            place += size
            bell.ring()
            await asyncio.sleep(0)

    bell = Bell()
    reader = LogReader(str(tmp_path))
    follow = reader.follow(reader.oldest(), bell=bell, poll_s=0.05)
    async with aclosing(follow) as lines, asyncio.TaskGroup() as group:
        task = group.create_task(take(lines, 100_000))
        group.create_task(write())
    assert len(list(tmp_path.glob("*[0-9].log"))) == 6
    assert b"".join(line.raw for line in task.result()) == data
    folder.close()


async def test_one_that_floods_does_not_silence_another(tmp_path: Path) -> None:
    flood, quiet = LogFolder(tmp_path / "1", max_bytes=1 << 26), LogFolder(tmp_path / "2")
    quiet.write(b"first\n")
    flood.write(numbered(0, 1000))
    readers = {1: LogReader(flood.path), 2: LogReader(quiet.path)}
    seen = 0
    async with (
        asyncio.timeout(20),
        aclosing(
            follow_many(readers, {key: reader.oldest() for key, reader in readers.items()}, poll_s=0.01)
        ) as lines,
    ):
        async for key, line in lines:
            flood.write(numbered(0, 3))
            if key == 2 and line.text == "first":
                quiet.write(b"second\n")
            seen += 1
            if line.text == "second":
                break
    assert seen < 20_000
    flood.close()
    quiet.close()


async def test_leaving_a_follow_closes_the_files(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    folder.write(numbered(0, 5))
    folder.close()
    before = psutil.Process().num_fds()
    reader = LogReader(str(tmp_path))
    async with aclosing(reader.follow(reader.oldest())) as lines:
        await take(lines, 2)
        assert psutil.Process().num_fds() > before
    assert psutil.Process().num_fds() == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from(["log", "idx", "err.log", "err.idx", "x"])), max_size=6
    ),
    st.binary(max_size=200),
)
def test_garbage_in_the_folder_never_raises(
    short_tmp: Path, names: list[tuple[int, str]], data: bytes
) -> None:
    for path in short_tmp.iterdir():
        path.unlink()
    for base, kind in names:
        (short_tmp / f"{base:020d}.{kind}").write_bytes(data)
    reader = LogReader(str(short_tmp))
    reader.last(5)
    list(reader.since(1.0))
    reader.at_time(1e18)
    for line in reader.read():
        assert re.fullmatch(rb"[^\n]*\n?", line.raw, re.DOTALL)


@pytest.mark.parametrize("name", ["fifo", "link"])
def test_what_is_no_file_is_not_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{0:020d}.log"
    if name == "fifo":
        os.mkfifo(path)
    else:
        (tmp_path / "secret").write_text("secret\n")
        path.symlink_to("secret")
    assert LogReader(str(tmp_path)).last(5) == []
