from itertools import product

import pytest

from components.visor.links.life import IGNORED, TABLE, WANTED, Action, Event, State, turn


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(State, Event))
    assert not TABLE.keys() & IGNORED


def test_what_is_ignored_changes_nothing() -> None:
    for state, event in IGNORED:
        assert turn(state, event) == (state, ())


def test_a_dial_runs_in_exactly_the_states_that_say_so() -> None:
    dialling = {State.DIALLING, State.CROSSED}
    for (before, event), (after, actions) in TABLE.items():
        over = event in {Event.DIALLED, Event.FAILED} or Action.STOP_DIAL in actions
        running = before in dialling and not over
        assert (running or Action.DIAL in actions) == (after in dialling), (before, event)


def test_a_timer_runs_in_exactly_the_state_that_waits() -> None:
    for (before, event), (after, actions) in TABLE.items():
        kept = before is State.WAITING and event is not Event.DUE and Action.DISARM not in actions
        assert (kept or Action.ARM in actions) == (after is State.WAITING), (before, event)


def test_who_ends_a_transport_forgets_it_and_leaves_no_link() -> None:
    up = {State.UP, State.CROSSED, State.GUEST}
    for (before, event), (after, actions) in TABLE.items():
        assert (after is State.ENDED) == (Action.FORGET in actions)
        assert (Action.HANG_UP in actions) == (before in up and event is Event.UNWANT)


def test_up_and_down_are_told_in_turn() -> None:
    up = {State.UP, State.CROSSED, State.GUEST}
    for (before, _), (after, actions) in TABLE.items():
        assert (Action.TELL_DOWN in actions) == (before in up and after not in up)
        if before not in up and after in up:
            assert Action.TELL_UP in actions


@pytest.mark.parametrize("state", sorted(WANTED, key=str))
def test_what_is_wanted_stays_wanted_until_it_is_removed(state: State) -> None:
    for event in set(Event) - {Event.UNWANT}:
        assert turn(state, event)[0] in WANTED
