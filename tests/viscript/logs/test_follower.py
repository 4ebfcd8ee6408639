import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from tests.support.log_folder import START_NS, LogFolder, numbered
from viscript.logs.follower import Cursor, Follower, follow_all
from viscript.logs.lines import Line
from viscript.logs.tape import Tape


def follower(folder: Path) -> Follower:
    return Follower((Tape(str(folder), "out"), Tape(str(folder), "err")), Cursor())


def test_draining_gives_what_is_complete_and_goes_on(tmp_path: Path) -> None:
    log = LogFolder(tmp_path)
    log.write(b"one\ntwo\nthr")
    reading = follower(tmp_path)
    assert [line.text for line in reading.drain()] == ["one", "two"]
    assert reading.pending == 3
    log.write(b"ee\n")
    assert [line.text for line in reading.drain()] == ["three"]
    assert list(reading.drain()) == []
    reading.close()
    log.close()


def test_what_comes_while_draining_waits_for_the_next_time(tmp_path: Path) -> None:
    log = LogFolder(tmp_path)
    log.write(b"one\n")
    reading = follower(tmp_path)
    draining = reading.drain()
    assert next(draining).text == "one"
    log.write(b"two\n")
    assert list(draining) == []
    assert [line.text for line in reading.drain()] == ["two"]
    reading.close()
    log.close()


def test_streams_are_merged_by_time(tmp_path: Path) -> None:
    out, err = LogFolder(tmp_path), LogFolder(tmp_path, stream="err")
    for number in range(6):
        (err if number % 3 == 0 else out).write(b"%d\n" % number, at_ns=START_NS + number)
    reading = follower(tmp_path)
    assert [(line.text, line.stream) for line in reading.drain()][:2] == [("0", "err"), ("1", "out")]
    reading.close()
    for log in (out, err):
        log.close()


def test_a_flush_gives_the_rest_of_both(tmp_path: Path) -> None:
    out, err = LogFolder(tmp_path), LogFolder(tmp_path, stream="err")
    out.write(b"name? ")
    err.write(b"warn")
    reading = follower(tmp_path)
    assert list(reading.drain()) == []
    assert [piece.raw for piece in reading.flush()] == [b"name? ", b"warn"]
    assert reading.pending == 0
    reading.close()
    for log in (out, err):
        log.close()


async def test_apps_are_merged_by_time_in_a_backlog(tmp_path: Path) -> None:
    logs = {app: LogFolder(tmp_path / str(app)) for app in (1, 2)}
    for number in range(10):
        logs[1 + number % 2].write(b"%d\n" % number, at_ns=START_NS + number)
    followers = {app: follower(tmp_path / str(app)) for app in logs}
    seen = await first(follow_all(followers, None, 0.01), 10)
    assert [int(line.text) for _, line in seen] == list(range(10))
    for app, log in logs.items():
        followers[app].close()
        log.close()


async def test_others_get_their_turn_in_a_long_backlog(tmp_path: Path) -> None:
    log = LogFolder(tmp_path)
    log.write(numbered(0, 2000))
    reading = follower(tmp_path)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        counting = group.create_task(count())
        await first(follow_all({1: reading}, None, 0.01), 2000)
        counting.cancel()
    assert turns >= 5
    reading.close()
    log.close()


async def first(lines: AsyncGenerator[tuple[int, Line], None], count: int) -> list[tuple[int, Line]]:
    seen: list[tuple[int, Line]] = []
    async with asyncio.timeout(20), aclosing(lines):
        async for item in lines:
            seen.append(item)
            if len(seen) == count:
                break
    return seen
