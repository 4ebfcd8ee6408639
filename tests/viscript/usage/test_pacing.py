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


async def beside_another(turn_s: float) -> list[str]:
    log: list[str] = []

    async def other() -> None:
        for step in range(3):
            log.append(f"other {step}")
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        answer = group.create_task(in_turns(work(log), turn_s))
        group.create_task(other())
    assert answer.result() == 42
    return log


async def test_others_get_their_turn_when_one_is_used_up() -> None:
    log = await beside_another(0.0)
    assert log == ["work 0", "other 0", "work 1", "other 1", "work 2", "other 2"]


async def test_small_slices_share_a_turn() -> None:
    log = await beside_another(60.0)
    assert log == ["work 0", "work 1", "work 2", "other 0", "other 1", "other 2"]
