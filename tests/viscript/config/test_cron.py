"""The times of cron expressions, also where the clocks are changed."""

import contextlib
import re
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.config.cron import NAMED, Cron, check_cron
from viscript.config.zones import find_zone

VIENNA = ZoneInfo("Europe/Vienna")


def times(text: str, start: datetime, count: int, zone: tzinfo = VIENNA) -> list[str]:
    """The next times, as the wall shows them there."""
    cron, wall, found = Cron(text, zone), start.timestamp(), []
    for _ in range(count):
        wall = cron.after(wall)
        found.append(datetime.fromtimestamp(wall, zone).isoformat(" ", "seconds"))
    return found


def at(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, fold=fold, tzinfo=VIENNA)  # type: ignore[misc,arg-type]  # as many as are given


def test_five_fields_begin_with_the_minute_and_six_with_the_second() -> None:
    assert times("30 3 * * *", at(2026, 1, 5), 2) == [
        "2026-01-05 03:30:00+01:00",
        "2026-01-06 03:30:00+01:00",
    ]
    assert times("*/20 30 3 * * *", at(2026, 1, 5), 3) == [
        "2026-01-05 03:30:00+01:00",
        "2026-01-05 03:30:20+01:00",
        "2026-01-05 03:30:40+01:00",
    ]


def test_the_time_itself_is_not_the_next() -> None:
    assert times("0 3 * * *", at(2026, 1, 5, 3), 1) == ["2026-01-06 03:00:00+01:00"]


def test_a_zone_decides_what_three_oclock_is() -> None:
    noon = datetime(2026, 1, 5, 12, tzinfo=ZoneInfo("UTC")).timestamp()
    tokyo, utc = (Cron("0 3 * * *", find_zone(name)).after(noon) for name in ("Asia/Tokyo", "UTC"))
    assert utc - tokyo == 9 * 3600


def test_a_time_that_the_clocks_leave_out_comes_when_they_go_on() -> None:
    expected = ["2026-03-28 02:30:00+01:00", "2026-03-29 03:00:00+02:00", "2026-03-30 02:30:00+02:00"]
    assert times("30 2 * * *", at(2026, 3, 28), 3) == expected
    assert times("0 30 2 * * *", at(2026, 3, 28), 3) == expected


def test_times_that_are_left_out_together_come_once() -> None:
    assert times("0,20,40 2 * * *", at(2026, 3, 29), 2) == [
        "2026-03-29 03:00:00+02:00",
        "2026-03-30 02:00:00+02:00",
    ]


def test_a_time_that_comes_twice_counts_once() -> None:
    for text in ("30 2 * * *", "0 30 2 * * *"):
        assert times(text, at(2026, 10, 25), 2) == ["2026-10-25 02:30:00+02:00", "2026-10-26 02:30:00+01:00"]
    later = at(2026, 10, 25, 2, 10, fold=1)
    assert times("30 2 * * *", later, 1) == ["2026-10-26 02:30:00+01:00"]


def test_every_minute_is_every_minute_also_in_the_hour_that_comes_twice() -> None:
    cron, wall = Cron("*/30 * * * *", VIENNA), at(2026, 10, 25, 1).timestamp()
    steps = []
    for _ in range(8):
        steps.append(cron.after(wall) - wall)
        wall += steps[-1]
    assert steps == [1800.0] * 8


@pytest.mark.parametrize("name", NAMED)
def test_a_name_is_an_expression(name: str) -> None:
    check_cron(name)
    assert times(name, at(2026, 1, 5, 12), 2) == times(NAMED[name], at(2026, 1, 5, 12), 2)
    assert times(name.upper(), at(2026, 1, 5, 12), 1) == times(name, at(2026, 1, 5, 12), 1)


def test_what_never_comes_is_refused() -> None:
    with pytest.raises(ValueError, match="no such day ever comes"):
        check_cron("0 0 */28 * MON#2")
    with pytest.raises(ValueError, match="no such day ever comes"):
        Cron("0 0 */28 * MON#2", VIENNA).after(0.0)


@pytest.mark.parametrize(
    "text, said",
    [
        ("61 * * * *", 'the minute is "61"; allowed are 0 to 59, *,'),
        ("*/0 * * * *", 'the minute is "*/0"; allowed are 0 to 59, *, and of them lists (1,3)'),
        ("75 * * * * *", 'the second is "75"; allowed are 0 to 59'),
        ("0 24 * * *", 'the hour is "24"; allowed are 0 to 23'),
        ("0 3 0 * *", 'the day of the month is "0"; allowed are 1 to 31, L '),
        ("0 3 * FOO *", 'the month is "FOO"; allowed are 1 to 12, JAN to DEC'),
        ("0 3 * * 8", 'the day of the week is "8"; allowed are 0 to 7'),
        ("0 3 * 5-2 x", 'the month is "5-2"'),
        ("0 0 30 2 *", "no such day ever comes"),
        ("* * *", "it has 3 fields, not 5 or 6"),
    ],
)
def test_a_wrong_field_is_told_by_name_with_what_it_says_and_what_it_may(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_cron(text)


ITEM = st.one_of(
    st.just("*"), st.integers(0, 60).map(str), st.sampled_from(["*/7", "1-5", "2,4", "MON", "L", "1#2"])
)
EXPRESSION = st.lists(ITEM, min_size=4, max_size=7).map(" ".join)


@given(st.one_of(st.text(max_size=60), EXPRESSION, st.text("0123456789*/,-#LW ", max_size=40)))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        check_cron(text)


@given(EXPRESSION, st.floats(0, 4e9), st.sampled_from(["Europe/Vienna", "Australia/Lord_Howe", "UTC", None]))
def test_the_next_time_is_later_and_comes_again_for_nobody(text: str, wall: float, zone: str | None) -> None:
    try:
        check_cron(text)
    except ValueError:
        return
    cron = Cron(text, find_zone(zone))
    first = cron.after(wall)
    assert first > wall
    assert first == int(first)
    assert cron.after(first) > first
    assert cron.after((wall + first) / 2) == first
