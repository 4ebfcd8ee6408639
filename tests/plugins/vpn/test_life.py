"""The table of a tunnel's life."""

from itertools import product

from plugins.vpn.life import IGNORED, TABLE, Action, Event, State, after, first_state


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(State, Event))
    assert not TABLE.keys() & IGNORED


def play(state: State, *events: Event) -> tuple[State, list[Action]]:
    done: list[Action] = []
    for event in events:
        state, actions = after(state, event)
        done += actions
    return state, done


def test_what_nobody_confirmed_is_taken_back_for_good() -> None:
    for late in (Event.LATE, Event.LATE_GUARDED):
        state, actions = play(State.FIRST, Event.UP, Event.LOST, late, Event.UP)
        assert state is State.GIVEN_UP
        assert actions == [Action.DISARM, Action.ENGAGE, Action.ARM, Action.ROLL_BACK]


def test_a_confirmed_kill_switch_is_never_undone_by_itself() -> None:
    state, actions = play(State.FIRST, Event.UP, Event.CONFIRM, Event.LOST, Event.LATE_GUARDED)
    assert state is State.HELD
    assert Action.ROLL_BACK not in actions
    assert play(state, Event.LATE_GUARDED, Event.LOST, Event.UP)[0] is State.KEPT


def test_a_confirmed_tunnel_without_it_is_taken_back_and_returns() -> None:
    state, actions = play(State.FIRST, Event.UP, Event.CONFIRM, Event.LOST, Event.LATE)
    assert (state, actions[-1]) == (State.AWAY, Action.ROLL_BACK)
    assert play(state, Event.UP) == (State.KEPT, [Action.ENGAGE])


def test_each_roll_back_is_of_a_state_that_lost_its_path() -> None:
    for (state, event), (_, actions) in TABLE.items():
        if Action.ROLL_BACK in actions:
            assert event in (Event.LATE, Event.LATE_GUARDED)
            assert state in (State.FIRST, State.TRIAL_LOST, State.KEPT_LOST)


def test_the_next_client_begins_where_the_last_one_was() -> None:
    assert first_state(guarded=True, confirmed=True) is State.HELD
    assert first_state(guarded=False, confirmed=True) is State.AWAY
    assert first_state(guarded=True, confirmed=False) is State.FIRST
