"""One piece a round, first come first served, and nobody waits for one that is gone."""

import asyncio

from viscript.verbs.turns import Turns, turns


async def worker(line: Turns, name: str, done: list[str], pieces: int = 3) -> None:
    for _ in range(pieces):
        await line.wait()
        done.append(name)


async def test_between_two_rounds_of_the_loop_one_piece_is_done() -> None:
    line, done = Turns(), list[str]()
    most = 0

    async def watch() -> None:
        nonlocal most
        while len(done) < 30:
            before = len(done)
            await asyncio.sleep(0)
            most = max(most, len(done) - before)

    async with asyncio.TaskGroup() as tasks:
        for number in range(10):
            tasks.create_task(worker(line, str(number), done))
        tasks.create_task(watch())
    assert most == 1


async def test_who_came_first_is_first() -> None:
    line, done = Turns(), list[str]()
    async with asyncio.TaskGroup() as tasks:
        for name in "abc":
            tasks.create_task(worker(line, name, done, 2))
    assert "".join(done) == "abcabc"


async def test_one_that_is_cancelled_takes_no_turn() -> None:
    line, done = Turns(), list[str]()
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(worker(line, "gone", done))
        tasks.create_task(worker(line, "here", done, 1))
        await asyncio.sleep(0)
        gone.cancel()
    assert done == ["here"]


def test_each_loop_has_a_line_of_its_own() -> None:
    async def one() -> Turns:
        assert turns() is turns()
        await turns().wait()
        return turns()

    assert asyncio.run(one()) is not asyncio.run(one())
