"""What became of the changes that a writer ordered."""

import pytest

from bench.cluster.faults.writing import Tally, Try, stall_s, tally


def done(version: int, ended: float = 0.0) -> Try:
    return Try(ended - 0.1, ended, version, clear=True)


UNCLEAR = Try(0, 1, 0, clear=False)
REFUSED = Try(0, 1, 0, clear=True)


@pytest.mark.parametrize(
    "tries, last, expected",
    [
        ([done(2), done(3)], 3, Tally(2, 0, 0, 0)),
        ([done(2), UNCLEAR, done(4)], 4, Tally(2, 0, 0, 1)),  # the unclear one was done
        ([done(2), UNCLEAR, done(3)], 3, Tally(2, 0, 0, 1)),  # and here it was not
        ([done(2), REFUSED, done(4)], 4, Tally(2, 0, 1, 0)),  # one that was said to have changed nothing
        ([done(2), done(3)], 2, Tally(2, 1, 0, 0)),  # the store went back
        ([done(2), done(2)], 3, Tally(2, 1, 0, 0)),  # one wrote over the other
        ([done(3), done(2)], 3, Tally(2, 1, 0, 0)),
        ([done(2)], 4, Tally(1, 0, 2, 0)),
    ],
)
def test_changes_are_counted(tries: list[Try], last: int, expected: Tally) -> None:
    assert tally(tries, 1, last) == expected


def test_the_longest_time_without_a_change() -> None:
    tries = [done(2, 1.0), done(3, 2.0), UNCLEAR, done(4, 7.5), done(5, 8.0)]
    assert stall_s(tries, 1.5, 9.0) == 5.5
    assert stall_s([], 1.0, 9.0) == 8.0
