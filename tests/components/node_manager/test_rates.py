"""Buckets of tokens: who is slowed down, for how long, and what is forgotten."""

from components.node_manager.rates import Rates


def test_who_asks_too_often_is_told_how_long_to_wait() -> None:
    rates = Rates(2.0, 4.0, 10)
    assert [rates.take("a", 0.0) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert rates.take("b", 0.0) == 0
    assert rates.take("a", 0.5) == 0
    assert rates.take("a", 0.5, cost=4.0) == 2


def test_a_request_that_costs_more_than_a_bucket_needs_a_full_one() -> None:
    rates = Rates(1.0, 4.0, 10)
    assert rates.take("a", 0.0, cost=9.0) == 0
    assert rates.take("a", 0.0) == 1
    assert rates.take("a", 3.9, cost=9.0) > 0
    assert rates.take("a", 9.0, cost=9.0) == 0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    rates = Rates(1.0, 1.0, 10)
    assert rates.take("a", 5.0) == 0
    assert rates.take("a", 1.0) == 1


def test_the_bucket_that_was_not_used_for_longest_is_forgotten() -> None:
    rates = Rates(1.0, 1.0, 2)
    for who in "abca":
        assert rates.take(who, 0.0) == 0
    assert len(rates) == 2
    assert rates.take("c", 0.0) == 1
