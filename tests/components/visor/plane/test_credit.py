from random import Random

from hypothesis import given
from hypothesis import strategies as st

from components.visor.plane.credit import Allowed, Granted, HopBudget
from components.visor.plane.limits import HOP_WINDOW, HOP_WINDOW_LEAST


def test_a_neighbour_begins_with_the_least_and_the_first_data_brings_the_rest() -> None:
    granted = Granted(HOP_WINDOW)
    assert granted.take(1)
    assert granted.done(1)
    assert granted.renew() == 1 + HOP_WINDOW


def test_more_than_was_allowed_is_an_overrun() -> None:
    granted = Granted(HOP_WINDOW_LEAST)
    assert granted.take(HOP_WINDOW_LEAST)
    assert not granted.take(1)
    assert granted.held == HOP_WINDOW_LEAST


def test_a_new_limit_goes_along_with_other_things_before_it_goes_alone() -> None:
    granted = Granted(HOP_WINDOW)
    granted.take(1)
    granted.done(1)
    granted.renew()
    assert not granted.done(HOP_WINDOW // 4 - 1)
    assert not granted.worth_telling
    assert not granted.done(1)
    assert granted.worth_telling


def test_a_limit_only_grows() -> None:
    allowed = Allowed(100)
    assert allowed.told(200)
    assert not allowed.told(200)
    assert not allowed.told(150)
    assert allowed.limit == 200


def test_a_budget_gives_less_when_little_is_left_and_then_nothing() -> None:
    budget = HopBudget(HOP_WINDOW + 2 * HOP_WINDOW_LEAST)
    taken = [budget.take() for _ in range(8)]
    assert taken == [HOP_WINDOW_LEAST] * 6 + [0, 0]
    budget.give_back(HOP_WINDOW_LEAST)
    assert budget.take() == HOP_WINDOW_LEAST


@given(st.lists(st.integers(1, 65535), max_size=300), st.randoms(use_true_random=False), st.booleans())
def test_a_sender_that_keeps_to_it_is_never_refused_and_never_stands_still(
    sizes: list[int], random: Random, wide: bool
) -> None:
    """Credit frames may be late; whatever is under way arrives in order."""
    window = HOP_WINDOW if wide else HOP_WINDOW_LEAST
    granted, allowed = Granted(window), Allowed()
    waiting: list[int] = []
    told: list[int] = []
    for size in sizes:
        while size > allowed.room:
            assert waiting or told, "nothing under way and no room"
            if told and (not waiting or random.random() < 0.5):
                allowed.told(told.pop(0))
            else:
                done = waiting.pop(0)
                if granted.done(done):
                    told.append(granted.renew())
        allowed.sent += size
        assert granted.take(size)
        waiting.append(size)
        assert granted.held <= window
