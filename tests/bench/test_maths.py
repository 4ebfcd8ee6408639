"""Percentiles, ratios and how figures are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.maths import percentile, times_better, written


def test_a_percentile_lies_between_its_neighbours_in_proportion() -> None:
    assert percentile([1.0], 95) == 1.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5
    assert percentile([0.0, 10.0], 95) == pytest.approx(9.5)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.floats(0, 100))
def test_a_percentile_is_within_the_values(values: list[float], percent: float) -> None:
    assert min(values) - 1e-3 <= percentile(values, percent) <= max(values) + 1e-3


def test_less_time_and_more_speed_are_better() -> None:
    assert times_better(2.0, 6.0, less_is_better=True) == 3.0
    assert times_better(6.0, 2.0, less_is_better=False) == 3.0


def test_nothing_has_no_ratio() -> None:
    assert times_better(0.0, 6.0, less_is_better=True) is None
    assert times_better(6.0, 0.0, less_is_better=False) is None


@pytest.mark.parametrize(
    "value, text",
    [(None, "-"), (0.0, "0"), (0.01234, "0.0123"), (12.34, "12.3"), (99.94, "99.9"), (12345.6, "12,346")],
)
def test_a_figure_has_about_three_digits(value: float | None, text: str) -> None:
    assert written(value) == text
