from random import Random

from hypothesis import given
from hypothesis import strategies as st

from components.mesh.frame import MAX_LARGE
from components.visor.plane.credit import Allowed, Granted
from components.visor.plane.limits import HOP_FIRST, HOP_WINDOW, HOP_WINDOW_LEAST


def granted_with(window: int) -> Granted:
    granted = Granted()
    granted.window = window
    return granted


def test_a_neighbour_begins_with_the_first_window_and_a_wide_one_brings_the_rest() -> None:
    granted = Granted()
    assert granted.take(HOP_FIRST // 2)
    assert granted.done(HOP_FIRST // 2)
    granted.window = HOP_WINDOW
    assert granted.renew() == HOP_FIRST // 2 + HOP_WINDOW


def test_more_than_was_allowed_is_an_overrun() -> None:
    granted = Granted()
    assert granted.take(HOP_FIRST)
    assert not granted.take(1)
    assert granted.held == HOP_FIRST


def test_a_new_limit_goes_along_with_other_things_before_it_goes_alone() -> None:
    granted = granted_with(HOP_WINDOW)
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


def test_a_smaller_window_takes_no_promise_back() -> None:
    granted = granted_with(HOP_WINDOW)
    limit = granted.renew()
    granted.window = HOP_FIRST
    assert granted.renew() == limit


def test_a_recalled_promise_ends_where_the_sender_is() -> None:
    allowed = Allowed(100_000)
    allowed.sent = 30_000
    assert allowed.recalled(20_000) == 30_000
    assert allowed.room == 0
    assert Allowed(100_000).recalled(20_000) == 20_000
    assert Allowed(10_000).recalled(20_000) == 10_000  # it was never told more


def test_a_window_is_wide_once_it_was_told_more_than_a_first_one() -> None:
    allowed = Allowed()
    allowed.sent = 4096
    allowed.told(HOP_FIRST + 4096)
    seen = [allowed.wide]
    allowed.told(HOP_WINDOW_LEAST)
    seen.append(allowed.wide)
    allowed.recalled(0)
    assert [*seen, allowed.wide] == [False, True, False]


@given(st.lists(st.integers(1, MAX_LARGE), max_size=300), st.randoms(use_true_random=False), st.booleans())
def test_a_sender_that_keeps_to_it_is_never_refused_and_never_stands_still(
    sizes: list[int], random: Random, much: bool
) -> None:
    """Credit frames may be late; whatever is under way arrives in order."""
    window = HOP_WINDOW if much else HOP_WINDOW_LEAST
    granted, allowed = granted_with(window), Allowed()
    waiting: list[int] = []
    told: list[int] = [granted.renew()]
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
