from itertools import product

import pytest

from signal_bus.limits import RECONNECT_MAX_S
from signal_bus.session import IGNORED, TABLE, Action, Backoff, Event, Phase, step


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(Phase, Event))
    assert not TABLE.keys() & IGNORED


def test_a_life_with_a_restarted_server() -> None:
    phase, told = Phase.OUT, list[Action]()
    for event in (Event.CONNECTED, Event.WELCOME, Event.STRANGER, Event.WELCOME, Event.LOST, Event.CONNECTED):
        phase, actions = step(phase, event)
        told += actions
    assert phase is Phase.JOINING
    assert told == [Action.HELLO, Action.ANNOUNCE, Action.HELLO, Action.ANNOUNCE, Action.HELLO]


def test_over_is_for_ever() -> None:
    assert all(step(Phase.OVER, event) == (Phase.OVER, ()) for event in Event)


def test_delays_double_to_the_bound_and_start_again() -> None:
    backoff = Backoff(lambda: 0.0)
    assert [backoff.delay() for _ in range(7)] == pytest.approx(
        [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, RECONNECT_MAX_S]
    )
    backoff.reset()
    assert backoff.delay() == pytest.approx(0.1)


def test_delays_are_spread_over_their_upper_half() -> None:
    assert Backoff(lambda: 1.0).delay() == pytest.approx(0.05)
