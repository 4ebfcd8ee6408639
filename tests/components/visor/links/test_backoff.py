from components.visor.links.backoff import Backoff


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(lambda: 0.0)
    assert [backoff.next_delay() for _ in range(11)] == [
        0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0,
    ]  # fmt: skip


def test_chance_makes_a_delay_up_to_a_quarter_shorter() -> None:
    assert Backoff(lambda: 1.0, first_s=4.0).next_delay() == 3.0


def test_after_a_reset_the_first_delay_comes_again() -> None:
    backoff = Backoff(lambda: 0.0)
    backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() == 0.1


def test_eased_it_waits_no_longer_than_told_and_never_longer_than_before() -> None:
    backoff = Backoff(lambda: 0.0)
    backoff.ease(2.0)
    assert backoff.next_delay() == 0.1
    for _ in range(8):
        backoff.next_delay()
    backoff.ease(2.0)
    assert [backoff.next_delay(), backoff.next_delay()] == [2.0, 4.0]
