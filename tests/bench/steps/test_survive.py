"""Who is lost, who runs twice."""

from collections import Counter

from bench.steps.survive import census


def test_all_that_run_once_are_neither_lost_nor_doubled() -> None:
    assert census(Counter(["p0", "p1"]), 2) == {"lost": 0, "doubled": 0}


def test_a_name_without_a_process_is_lost_and_one_with_two_is_doubled() -> None:
    assert census(Counter(["p0", "p0", "p0"]), 2) == {"lost": 1, "doubled": 2}
