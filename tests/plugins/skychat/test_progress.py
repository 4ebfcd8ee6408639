"""How far a text came only grows, once its receiver has it."""

from itertools import product

import pytest

from components.mesh.delivery import State as LetterState
from plugins.skychat.progress import HERE, IGNORED, OPEN, TABLE, State, after, least, of_letter


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(State, State))
    assert not TABLE.keys() & IGNORED


def test_what_has_arrived_stays_arrived() -> None:
    for state, told in product(State, State):
        if state >= HERE:
            assert after(state, told) >= state
        else:
            assert after(state, told) is told
    assert max(OPEN) < HERE


@pytest.mark.parametrize("state", LetterState)
def test_every_fate_of_a_letter_means_something(state: LetterState) -> None:
    assert of_letter(state.name.lower()) is not None


def test_a_letter_that_the_app_took_was_not_read_by_anybody() -> None:
    assert of_letter("read") is State.DELIVERED
    assert of_letter("what?") is None


def test_of_several_receivers_the_last_counts() -> None:
    assert least([State.READ, State.SENT, State.DELIVERED]) is State.SENT
    assert least([]) is State.READ
