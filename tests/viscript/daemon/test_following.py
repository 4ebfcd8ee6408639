"""A check that waits for a line reads the log of the present run, and nothing older."""

import asyncio

import pytest

from tests.support.log_folder import SECOND, START_NS, LogFolder
from tests.support.supervision import Bench
from viscript.daemon.following import Following


async def app(bench: Bench, at_ns: int) -> LogFolder:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.held().started_at = at_ns / SECOND
    return LogFolder(bench.folder / "1-web")


async def test_a_line_that_was_written_before_we_looked_counts(bench: Bench) -> None:
    folder = await app(bench, START_NS)
    folder.write(b"one\ntwo\n")
    following, seen = Following(), list[str]()
    following.supervisor = bench.supervisor

    def each(line: str) -> bool:
        seen.append(line)
        return line == "two"

    async with asyncio.timeout(20):
        await following(1, each)
    assert seen == ["one", "two"]
    folder.close()


async def test_lines_of_an_earlier_run_do_not_count(bench: Bench) -> None:
    folder = await app(bench, START_NS + 10 * SECOND)
    folder.write(b"ready\n", at_ns=START_NS)
    folder.write(b"starting\n", at_ns=START_NS + 11 * SECOND)
    following, seen = Following(), list[str]()
    following.supervisor = bench.supervisor

    def each(line: str) -> bool:
        seen.append(line)
        return True

    async with asyncio.timeout(20):
        await following(1, each)
    assert seen == ["starting"]
    folder.close()


async def test_a_line_that_comes_wakes_it_and_then_nobody_listens(bench: Bench) -> None:
    folder = await app(bench, START_NS)
    following = Following()
    following.supervisor = bench.supervisor
    waiting = asyncio.get_running_loop().create_task(following(1, lambda line: line == "ready"))
    await bench.until(lambda: bench.keeper.asked("watch"))
    folder.write(b"ready\n")
    bench.supervisor.wrote(1)
    async with asyncio.timeout(20):
        await waiting
    assert [order["on"] for order in bench.keeper.asked("watch")] == [True, False]
    folder.close()


async def test_one_that_is_given_up_listens_no_more(bench: Bench) -> None:
    folder = await app(bench, START_NS)
    following = Following()
    following.supervisor = bench.supervisor
    waiting = asyncio.get_running_loop().create_task(following(1, lambda line: False))
    await bench.until(lambda: bench.keeper.asked("watch"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert bench.keeper.asked("watch")[-1]["on"] is False
    folder.close()
