import asyncio
from collections.abc import Generator

from viscript.usage.pacing import at_once, in_turns


def work(log: list[str]) -> Generator[None, None, int]:
    for step in range(3):
        log.append(f"work {step}")
        yield
    return 42


def test_at_once_gives_the_answer() -> None:
    assert at_once(work([])) == 42


async def test_others_get_their_turn_between_slices() -> None:
    log: list[str] = []

    async def other() -> None:
        for step in range(3):
            log.append(f"other {step}")
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        answer = group.create_task(in_turns(work(log)))
        group.create_task(other())
    assert answer.result() == 42
    assert log == ["work 0", "other 0", "work 1", "other 1", "work 2", "other 2"]
