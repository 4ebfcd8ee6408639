import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.cluster.links.clock import SAMPLES, Clock


def test_nothing_is_known_before_an_echo() -> None:
    clock = Clock()
    clock.sample(time=5.0, echo=0.0, held_s=0.0, now=9.0)
    assert clock.offset_s is None
    assert clock.round_trip_s is None


@given(offset=st.floats(-1e4, 1e4), there=st.floats(0, 5), back=st.floats(0, 5), held=st.floats(0, 5))
def test_the_offset_is_right_to_half_a_round_trip(
    offset: float, there: float, back: float, held: float
) -> None:
    clock, sent = Clock(), 1e6
    now = sent + there + held + back
    clock.sample(time=sent + there + held + offset, echo=sent, held_s=held, now=now)
    assert clock.offset_s is not None
    assert abs(clock.offset_s - offset) <= (there + back) / 2 + 1e-6
    assert clock.round_trip_s == pytest.approx(there + back, abs=1e-6)


def test_the_shortest_round_trip_of_the_last_is_believed() -> None:
    clock = Clock()
    clock.sample(time=100.0, echo=10.0, held_s=0.0, now=10.1)
    for _ in range(SAMPLES - 1):
        clock.sample(time=150.0, echo=10.0, held_s=0.0, now=15.0)
    assert clock.offset_s == pytest.approx(89.95)
    clock.sample(time=150.0, echo=10.0, held_s=0.0, now=15.0)
    assert clock.offset_s == pytest.approx(137.5)


@pytest.mark.parametrize("echo, held_s", [(11.0, 0.0), (9.0, 2.0), (-100.0, 0.0)])
def test_an_echo_that_cannot_be_is_passed_over(echo: float, held_s: float) -> None:
    clock = Clock()
    clock.sample(time=1.0, echo=echo, held_s=held_s, now=10.0)
    assert clock.offset_s is None
