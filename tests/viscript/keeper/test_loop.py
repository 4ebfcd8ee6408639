"""The keeper's loop."""

import os
from collections.abc import Iterator

import pytest

from viscript.keeper.loop import BULK, URGENT, Loop


@pytest.fixture
def faults() -> list[BaseException]:
    return []


@pytest.fixture
def loop(faults: list[BaseException]) -> Iterator[Loop]:
    loop = Loop(faults.append)
    yield loop
    loop.close()


@pytest.fixture
def pipes() -> Iterator[list[tuple[int, int]]]:
    pipes = [os.pipe(), os.pipe()]
    for _, write in pipes:
        os.write(write, b"x")
    yield pipes
    for pipe in pipes:
        for fd in pipe:
            os.close(fd)


def test_what_is_urgent_comes_first(loop: Loop, pipes: list[tuple[int, int]]) -> None:
    called: list[str] = []
    loop.read(pipes[0][0], lambda: called.append("bulk"), BULK)
    loop.read(pipes[1][0], lambda: called.append("urgent"), URGENT)
    loop.turn()
    assert called == ["urgent", "bulk"]


def test_what_is_forgotten_in_a_turn_is_not_called_any_more(loop: Loop, pipes: list[tuple[int, int]]) -> None:
    called: list[str] = []
    loop.read(pipes[0][0], lambda: called.append("bulk"), BULK)
    loop.read(pipes[1][0], lambda: loop.forget(pipes[0][0]), URGENT)
    loop.turn()
    assert called == []


def test_forgetting_what_is_not_known_is_fine(loop: Loop) -> None:
    loop.forget(77)


def test_timers_come_in_order_and_once(loop: Loop) -> None:
    called: list[int] = []
    for number in (3, 1, 2):
        loop.at(loop.now() - 10 + number, lambda number=number: called.append(number))  # type: ignore[misc]  # a default binds it
    loop.at_turn_end(lambda: True)
    loop.turn()
    loop.turn()
    assert called == [1, 2, 3]


def test_a_cancelled_timer_is_not_called(loop: Loop) -> None:
    called: list[int] = []
    loop.after(0, lambda: called.append(1)).cancel()
    loop.after(0, lambda: called.append(2))
    loop.turn()
    assert called == [2]


def test_a_timer_that_arms_itself_again_does_not_hold_up_the_turn(loop: Loop) -> None:
    called: list[int] = []

    def again() -> None:
        called.append(1)
        loop.after(0, again)

    loop.after(0, again)
    loop.turn()
    assert called == [1]


def test_a_fault_in_one_call_is_told_and_the_others_are_called(
    loop: Loop, faults: list[BaseException], pipes: list[tuple[int, int]]
) -> None:
    called: list[str] = []

    def broken() -> None:
        raise ValueError("broken")

    def broken_ender() -> bool:
        raise KeyError("broken")

    loop.read(pipes[0][0], broken, URGENT)
    loop.read(pipes[1][0], lambda: called.append("other"))
    loop.after(0, broken)
    loop.at_turn_end(broken_ender)
    loop.turn()
    assert called == ["other"]
    assert [type(fault) for fault in faults] == [ValueError, ValueError, KeyError]


def test_an_ender_that_has_more_to_do_is_called_again_without_a_wait(loop: Loop) -> None:
    left = [3]

    def work() -> bool:
        left[0] -= 1
        if left[0] == 0:
            loop.stop()
        return left[0] > 0

    loop.at_turn_end(work)
    loop.after(0, lambda: None)
    loop.run()
    assert left == [0]


def test_a_stop_before_the_run_holds(loop: Loop) -> None:
    loop.stop()
    loop.run()


def test_writing_is_watched_only_while_wanted(loop: Loop) -> None:
    read, write = os.pipe()
    called: list[int] = []
    loop.read(write, lambda: called.append(1))
    loop.read_write(write, lambda: called.append(2))
    loop.turn()
    loop.read_only(write, lambda: called.append(3))
    loop.after(0, lambda: None)
    loop.turn()
    loop.forget(write)
    os.close(read)
    os.close(write)
    assert called == [2]
