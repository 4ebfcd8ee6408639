"""Who is put out where there is no room: never one that was led, and first of whoever has most."""

from hypothesis import given
from hypothesis import strategies as st

from plugins.reach.crowd import Crowd


def test_a_flood_of_one_visor_puts_out_its_own() -> None:
    crowd: Crowd[int] = Crowd(4)
    assert crowd.enter(0, "joiner")
    assert all(crowd.enter(number, "flood") for number in (1, 2, 3))
    assert not crowd.enter(4, "flood")
    assert [(crowd.put_out(), crowd.enter(number, "flood")) for number in (4, 5, 6, 7)] == [
        (1, True),
        (2, True),
        (3, True),
        (4, True),
    ]
    assert len(crowd) == 4


def test_one_that_was_led_is_not_put_out() -> None:
    crowd: Crowd[int] = Crowd(2)
    for number in (1, 2):
        crowd.enter(number, "ann")
        crowd.led(number)
    crowd.led(3)  # a visor that a place names is none of the crowd
    assert crowd.put_out() is None
    assert not crowd.enter(4, "ben")
    crowd.leave(1)
    assert crowd.put_out() is None
    assert crowd.enter(4, "ben")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_it_never_holds_more_than_its_bound(comes: list[tuple[str, bool]]) -> None:
    crowd: Crowd[int] = Crowd(3)
    for number, (peer, is_led) in enumerate(comes):
        crowd.put_out()
        if crowd.enter(number, peer) and is_led:
            crowd.led(number)
        assert len(crowd) <= 3
    for number in range(len(comes)):
        crowd.leave(number)
    assert len(crowd) == 0
