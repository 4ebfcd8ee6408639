from itertools import product

from components.mesh.delivery import IGNORED, OPEN, TABLE, Event, State, after


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(State, Event))
    assert not TABLE.keys() & IGNORED


def test_what_a_receiver_signed_is_never_taken_back() -> None:
    for state, event in product((State.DELIVERED, State.READ), Event):
        assert after(state, event) >= state
        assert after(state, event) not in (*OPEN, State.EXPIRED)


def test_the_open_states_are_those_below_delivered() -> None:
    assert set(OPEN) == {state for state in State if state < State.DELIVERED}
