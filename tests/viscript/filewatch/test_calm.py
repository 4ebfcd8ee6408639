"""Many changes are one restart, and no file makes a restart loop."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from viscript.filewatch.calm import BURST, QUIET, REST, STORM, Calm, Settled


def test_nothing_changed_nothing_settles() -> None:
    calm = Calm()
    calm.changed([], 1.0)
    assert calm.settled(10.0) is None
    assert calm.wait(10.0) is None


def test_a_change_settles_when_it_was_quiet() -> None:
    calm = Calm()
    calm.changed(["a"], 1.0)
    assert calm.settled(1.0 + QUIET / 2) is None
    assert calm.settled(1.0 + QUIET) == Settled("a", 1)
    assert calm.settled(2.0) is None


def test_a_storm_of_changes_is_one() -> None:
    calm = Calm()
    for step in range(10):
        calm.changed([f"file{step}", "same"], 1.0 + step * 0.1)
        assert calm.settled(1.0 + step * 0.1) is None
    assert calm.settled(3.0) == Settled("same", 11)


def test_a_file_that_never_stops_changing_is_acted_on_each_storm_and_no_sooner() -> None:
    calm, acted = Calm(), []
    for step in range(200):
        now = step * 0.1
        calm.changed(["log"], now)
        if calm.settled(now):
            acted.append(now)
    assert len(acted) == 3
    assert all(later - one >= STORM for one, later in pairwise(acted))


def test_an_app_that_writes_what_it_watches_gets_rest() -> None:
    calm, now, acted = Calm(), 0.0, []
    while now < 60:
        calm.changed(["own.log"], now)
        now += QUIET
        while calm.settled(now) is None:
            now += QUIET
        acted.append(now)
    assert len(acted) <= BURST + 60 / REST


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=60))
def test_two_restarts_are_never_closer_than_the_quiet(steps: list[tuple[float, bool]]) -> None:
    calm, now, acted = Calm(), 100.0, []
    for passed, change in steps:
        now += passed
        calm.changed(["x"] if change else [], now)
        if calm.settled(now):
            acted.append(now)
    assert all(later - one >= QUIET - 1e-9 for one, later in pairwise(acted))
