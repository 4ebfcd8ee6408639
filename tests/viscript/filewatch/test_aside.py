"""A call in a thread of its own: its answer, its fault, its deadline."""

import asyncio
import threading

import pytest

from viscript.filewatch.aside import aside


async def test_the_answer_comes_back() -> None:
    assert await aside(lambda: 7, 20.0) == 7


async def test_a_fault_comes_back() -> None:
    def faulty() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await aside(faulty, 20.0)


async def test_one_that_hangs_is_left_alone_and_its_late_answer_harms_nobody() -> None:
    hangs = threading.Event()
    with pytest.raises(TimeoutError):
        await aside(hangs.wait, 0.01)
    (thread,) = [one for one in threading.enumerate() if one.name == "aside"]
    assert thread.daemon
    hangs.set()
    while thread.is_alive():
        await asyncio.sleep(0)


def test_an_answer_after_the_end_of_the_loop_harms_nobody() -> None:
    hangs = threading.Event()
    with pytest.raises(TimeoutError):
        asyncio.run(aside(hangs.wait, 0.01))
    (thread,) = [one for one in threading.enumerate() if one.name == "aside"]
    hangs.set()
    thread.join(timeout=20)
    assert not thread.is_alive()
