from hypothesis import given
from hypothesis import strategies as st

from viscript.cluster.audit.ulid import LETTERS, time_of, ulid

TIMES = st.floats(min_value=0, max_value=2.8e11)
CHANCE = st.binary(min_size=10, max_size=10)


@given(TIMES, TIMES, CHANCE, CHANCE)
def test_ids_sort_by_their_time(one: float, other: float, chance: bytes, more: bytes) -> None:
    first, second = ulid(one, chance), ulid(other, more)
    assert len(first) == LETTERS
    if int(one * 1000) < int(other * 1000):
        assert first < second


def test_it_is_the_id_others_make_of_that_time() -> None:
    assert ulid(1469918176.385, bytes(10)) == "01ARYZ6S410000000000000000"


def test_a_clock_that_is_nonsense_still_gives_an_id() -> None:
    assert ulid(-5.0, bytes(10)) == "0" * 26
    assert ulid(1e30, b"\xff" * 10)[0] == "7"


@given(TIMES, CHANCE)
def test_an_id_tells_when_it_was_made(one: float, chance: bytes) -> None:
    assert abs(time_of(ulid(one, chance)) - one) <= 0.001 + one * 1e-15


@given(st.text(max_size=30))
def test_what_is_no_id_tells_no_time(text: str) -> None:
    assert time_of(text) >= 0.0
    assert time_of("01ARYZ6S41" + "0" * 15) == time_of("?" * LETTERS) == 0.0
