"""What a client does to its host as things happen. The table itself is tried in test_life."""

import asyncio

import pytest

from plugins.vpn import holding as module
from plugins.vpn.host import HostError
from plugins.vpn.life import Event, State
from tests.support.vpn_hold import Hold, holding


async def reached(made: module.Holding, state: State) -> None:
    async with asyncio.timeout(10):
        while made.state is not state:
            await asyncio.sleep(0.005)


async def test_a_trial_that_fails_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROLLBACK_S", 0.05)
    hold = Hold()
    made = holding(hold)
    made.feed(Event.UP)
    made.feed(Event.LOST)
    await reached(made, State.GIVEN_UP)
    assert hold.done == ["engage", "undo"]


async def test_the_time_that_was_silent_counts() -> None:
    hold = Hold()
    made = holding(hold)
    made.feed(Event.UP)
    made.feed(Event.CONFIRM)
    made.feed(Event.LOST, 29.99)
    await reached(made, State.AWAY)
    assert hold.done == ["engage", "confirm", "loosen"]


async def test_a_path_that_is_back_in_time_changes_nothing() -> None:
    hold = Hold()
    made = holding(hold, guarded=True)
    for event in (Event.UP, Event.LOST, Event.UP):
        made.feed(event)
    assert made._timer is None
    assert hold.done == ["engage", "engage"]  # the second finds its work done


async def test_what_the_host_refuses_in_the_timer_is_raised_where_it_is_seen() -> None:
    hold = Hold()
    made = holding(hold)
    made.feed(Event.UP)
    made.feed(Event.LOST)
    made._disarm()
    await made.pause(0)
    hold.refusing = True
    made._late(Event.LATE)
    with pytest.raises(HostError):
        await made.pause(20)


@pytest.mark.parametrize(
    "guarded, confirmed, left", [(True, True, ["leave"]), (True, False, ["undo"]), (False, True, ["undo"])]
)
async def test_a_confirmed_kill_switch_alone_is_left(guarded: bool, confirmed: bool, left: list[str]) -> None:
    hold = Hold()
    made = holding(hold, guarded=guarded)
    made.begin(confirmed=confirmed)
    assert made.state is (State.FIRST if not confirmed else State.HELD if guarded else State.AWAY)
    made.leave()
    assert hold.done == left
    assert made._timer is None


async def test_the_time_in_a_state_begins_with_it() -> None:
    made = holding(Hold())
    made._since -= 100
    assert made.seconds >= 100
    made.feed(Event.UP)
    assert made.seconds < 100
    assert made.moved.is_set()
