import pytest

from viscript.usage.meter import Meter


def test_the_first_share_is_the_mean_over_the_life() -> None:
    assert Meter(born_at=90.0).percent(100.0, 5.0) == pytest.approx(50.0)


def test_later_shares_count_from_the_look_before() -> None:
    meter = Meter(born_at=0.0)
    meter.percent(100.0, 50.0)
    assert meter.percent(102.0, 50.5) == pytest.approx(25.0)
    assert meter.percent(104.0, 50.5) == 0.0


def test_a_look_soon_after_another_uses_the_longer_span() -> None:
    meter = Meter(born_at=0.0)
    meter.percent(10.0, 1.0)
    meter.percent(12.0, 2.0)
    assert meter.percent(12.01, 2.01) == pytest.approx(100.0 * 1.01 / 2.01)


def test_a_clock_that_stands_still_gives_no_share() -> None:
    meter = Meter(born_at=5.0)
    assert meter.percent(5.0, 1.0) == 0.0


def test_a_counter_that_runs_backwards_gives_no_negative_share() -> None:
    meter = Meter(born_at=0.0)
    meter.percent(10.0, 5.0)
    assert meter.percent(20.0, 4.0) == 0.0
