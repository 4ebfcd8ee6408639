from signal_bus.budget import Budget


def test_a_burst_is_spent_and_then_refused() -> None:
    budget = Budget(rate=10, burst=3, now=0.0)
    assert [budget.take(0.0) for _ in range(4)] == [True, True, True, False]


def test_time_gives_back_at_the_rate_and_no_more_than_the_burst() -> None:
    budget = Budget(rate=10, burst=3, now=0.0)
    assert [budget.take(0.0) for _ in range(3)] == [True] * 3
    assert budget.take(0.1)
    assert not budget.take(0.1)
    assert [budget.take(100.0) for _ in range(4)] == [True, True, True, False]


def test_it_says_how_long_to_wait() -> None:
    budget = Budget(rate=10, burst=1, now=0.0)
    assert budget.take(0.0)
    assert not budget.take(0.0)
    assert budget.take(0.0 + budget.wait_s() + 1e-9)
