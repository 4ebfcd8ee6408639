from itertools import product

import pytest

from components.visor.plane.streams.life import (
    HALF_IGNORED,
    HALF_TABLE,
    IGNORED,
    TABLE,
    Action,
    Event,
    Half,
    HalfEvent,
    State,
    follow,
    follow_half,
)


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(State, Event))
    assert not TABLE.keys() & IGNORED


def test_every_pair_of_a_half_is_decided() -> None:
    assert HALF_TABLE.keys() | HALF_IGNORED == set(product(Half, HalfEvent))
    assert not HALF_TABLE.keys() & HALF_IGNORED


def test_what_is_ignored_changes_nothing() -> None:
    assert all(follow(state, event) == (state, ()) for state, event in IGNORED)
    assert all(follow_half(half, event) is half for half, event in HALF_IGNORED)


@pytest.mark.parametrize("state", [state for state in State if state is not State.CLOSED])
def test_every_living_state_can_end(state: State) -> None:
    assert follow(state, Event.WAS_RESET)[0] is State.CLOSED


@pytest.mark.parametrize("state", [State.OPENING, State.OFFERED, State.OPEN])
def test_whoever_loses_a_stream_hears_of_it_and_gives_its_memory_back(state: State) -> None:
    for event in (Event.BROKE_OFF, Event.WAS_RESET):
        actions = follow(state, event)[1]
        assert {Action.RELEASE, Action.TELL_CLOSED} <= set(actions)


def test_a_stream_is_forgotten_exactly_when_it_is_closed() -> None:
    for target, actions in TABLE.values():
        assert (Action.FORGET in actions) == (target is State.CLOSED)
