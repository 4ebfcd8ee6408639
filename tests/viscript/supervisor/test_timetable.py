"""When a scheduled app runs next, whatever the clocks do."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from viscript.config.model import Schedule
from viscript.supervisor.timetable import Now, Timetable, same_times, timetable

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp()
HOUR = 3600.0
HOURLY = Schedule(cron="0 * * * *", timezone="UTC")
EVERY = Schedule(every=60.0)


def now(hours: float = 0.0, jump: float = 0.0) -> Now:
    """So many hours after nine, with the wall's clock put forward by `jump` hours."""
    return Now(NINE + (hours + jump) * HOUR, 77.0 + hours * HOUR)


def hour(table: Timetable, at: Now) -> float:
    """The next run, in hours after nine."""
    return (table.next_run(at) - NINE) / HOUR


def test_cron_is_due_once_at_its_time() -> None:
    table = timetable(HOURLY, now())
    assert table.due(now(0.99)) is None
    assert table.due(now(1.0)) == NINE + HOUR
    assert table.due(now(1.0)) is None
    assert hour(table, now(1.0)) == 2


def test_runs_that_were_missed_are_due_as_one() -> None:
    for schedule in (HOURLY, Schedule(every=HOUR)):
        table = timetable(schedule, now())
        assert table.due(now(5.5)) is not None
        assert table.due(now(5.5)) is None
        assert hour(table, now(5.5)) == 6


def test_a_jump_forward_over_a_time_makes_up_for_it_once() -> None:
    table = timetable(HOURLY, now())
    assert table.due(now(0.2, jump=2.5)) == NINE + HOUR
    assert table.due(now(0.2, jump=2.5)) is None
    assert hour(table, now(0.2, jump=2.5)) == 3


def test_a_clock_that_was_wrong_by_far_makes_up_for_nothing() -> None:
    table = timetable(HOURLY, now())
    assert table.due(now(0.1, jump=5000)) is None
    assert hour(table, now(0.1, jump=5000)) == 5001


def test_a_jump_back_repeats_nothing() -> None:
    table = timetable(HOURLY, now())
    assert table.due(now(1.0)) is not None
    assert table.due(now(1.1, jump=-0.5)) is None  # half past nine again
    assert hour(table, now(1.1, jump=-0.5)) == 2
    assert table.due(now(1.5, jump=-0.5)) is None  # ten again
    assert table.due(now(2.5, jump=-0.5)) == NINE + 2 * HOUR


def test_a_jump_far_back_is_gone_by() -> None:
    table = timetable(HOURLY, now())
    assert table.due(now(1.0)) is not None
    assert table.due(now(1.1, jump=-48)) is None
    assert hour(table, now(1.1, jump=-48)) == -46


def test_a_host_that_slept_makes_up_for_one_run() -> None:
    table = timetable(HOURLY, now())
    assert table.due(now(9.5)) is not None  # both clocks went on
    assert hour(table, now(9.5)) == 10


def test_an_interval_goes_by_what_has_passed_not_by_the_wall() -> None:
    table = timetable(Schedule(every=HOUR), now())
    assert table.due(now(0.5, jump=100)) is None
    assert hour(table, now(0.5, jump=100)) == 101
    assert table.due(now(1.0, jump=-100)) == NINE - 99 * HOUR


def test_an_interval_does_not_drift() -> None:
    table, found = timetable(EVERY, now()), []
    for step in range(1, 200):
        found += [table.due(now(step * 0.0041))]
    dues = [(due - NINE) / 60 for due in found if due is not None]
    assert [round(due, 6) for due in dues] == list(range(1, len(dues) + 1))


def test_what_was_planned_before_is_gone_on_with() -> None:
    assert hour(timetable(EVERY, now(), NINE + 30), now()) * HOUR == 30
    assert hour(timetable(HOURLY, now(), NINE + HOUR), now()) == 1


def test_what_was_missed_while_nobody_was_there_is_due_at_once() -> None:
    for schedule in (EVERY, HOURLY):
        table = timetable(schedule, now(), NINE - 10 * HOUR)
        assert table.due(now()) is not None
        assert table.due(now()) is None


def test_a_plan_in_a_far_future_is_of_a_wrong_clock() -> None:
    assert hour(timetable(HOURLY, now(), NINE + 5000 * HOUR), now()) == 1
    assert hour(timetable(EVERY, now(), NINE + 5000 * HOUR), now()) * HOUR == 60


def test_only_what_changes_the_times_is_another_schedule() -> None:
    assert same_times(EVERY, Schedule(every=60.0, overlap="kill", at_start=True))
    assert not same_times(EVERY, Schedule(every=61.0))
    assert not same_times(HOURLY, Schedule(cron="0 * * * *"))
    assert not same_times(None, EVERY)


@given(
    st.sampled_from([HOURLY, EVERY, Schedule(cron="*/20 * * * * *", timezone="UTC")]),
    st.lists(st.tuples(st.floats(0, 2), st.floats(-6, 6)), max_size=30),
)
def test_whatever_the_clocks_do_no_time_is_told_twice_at_one_moment(
    schedule: Schedule, steps: list[tuple[float, float]]
) -> None:
    hours, jump, table = 0.0, 0.0, timetable(schedule, now())
    for passed, jumped in steps:
        hours, jump = hours + passed, jump + jumped
        due = table.due(now(hours, jump))
        assert due is None or due <= now(hours, jump).wall
        assert table.due(now(hours, jump)) is None
        assert table.next_run(now(hours, jump)) > now(hours, jump).wall - 1e-6
