"""The life of an app in the keeper, as a table."""

from itertools import product

import pytest

from viscript.keeper.table import ALIVE, IDLE, IGNORED, STOPPING, TABLE, Action, Event, Phase

# Actions whose carrying out may feed the next event; nothing may stand behind them.
FEEDS = frozenset({Action.SPAWN, Action.LOOK, Action.ARM_PAUSE, Action.ANNOUNCE_STOP})


def test_every_pair_is_decided() -> None:
    assert TABLE.keys() | IGNORED == set(product(Phase, Event))
    assert not TABLE.keys() & IGNORED


def test_an_action_that_may_feed_is_the_last_of_its_row() -> None:
    for pair, (_, actions) in TABLE.items():
        assert not FEEDS & set(actions[:-1]), pair


def test_every_phase_can_be_reached_from_stopped() -> None:
    reached, before = {Phase.STOPPED}, set[Phase]()
    while reached != before:
        before = set(reached)
        reached |= {after for (phase, _), (after, _) in TABLE.items() if phase in before}
    assert reached == set(Phase)


@pytest.mark.parametrize("phase", sorted(ALIVE))
def test_whatever_lives_can_be_killed_and_ends(phase: Phase) -> None:
    if phase is not Phase.KILLING:
        assert TABLE[phase, Event.KILL][0] is Phase.KILLING
    assert TABLE[Phase.KILLING, Event.EMPTY][0] is Phase.STOPPED
    assert TABLE[Phase.KILLING, Event.RUNG][0] is Phase.KILLING


def test_a_successor_comes_only_through_an_empty_tree() -> None:
    into_backoff = {pair for pair, (after, _) in TABLE.items() if after is Phase.BACKOFF}
    assert into_backoff == {(Phase.CLEARING, Event.EMPTY), (Phase.SPAWNING, Event.UNSPAWNED)}


def test_a_stop_goes_through_its_rungs() -> None:
    phase = Phase.RUNNING
    way = []
    for event in (Event.STOP, Event.RUNG, Event.RUNG, Event.EMPTY):
        phase, _ = TABLE[phase, event]
        way.append(phase)
    assert way == [Phase.ASKING, Phase.TERMING, Phase.KILLING, Phase.STOPPED]


def test_nothing_is_idle_and_alive() -> None:
    assert not ALIVE & IDLE
    assert STOPPING <= ALIVE
