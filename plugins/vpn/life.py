"""The life of a client's tunnel as a table. Pure.

Until somebody confirms that the host can be reached, a dead path takes everything back and ends the attempt.
After that a guarded tunnel (one with the kill switch) stays as it is; one without is taken back, and comes
again by itself. LATE and LATE_GUARDED are the same moment: the path has been dead for `ROLLBACK_S`.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

ROLLBACK_S: Final = 30.0


class State(Enum):
    """What the tunnel is."""

    FIRST = "dialling"  # nothing is changed yet but the kill switch
    TRIAL = "up, not confirmed"
    TRIAL_LOST = "path dead, not confirmed"
    KEPT = "up"
    KEPT_LOST = "path dead"
    HELD = "path dead, kill switch holds"
    AWAY = "taken back, dialling"
    GIVEN_UP = "given up"


class Event(Enum):
    """What happens to it."""

    UP = auto()  # the exit answered
    LOST = auto()
    LATE = auto()
    LATE_GUARDED = auto()
    CONFIRM = auto()


class Action(Enum):
    """What is to be done."""

    ENGAGE = auto()
    ROLL_BACK = auto()
    ARM = auto()
    DISARM = auto()
    NOTE = auto()  # in the journal: confirmed


S, E, A = State, Event, Action
TABLE: Final[dict[tuple[State, Event], tuple[State, tuple[Action, ...]]]] = {
    (S.FIRST, E.UP): (S.TRIAL, (A.DISARM, A.ENGAGE)),
    (S.FIRST, E.LATE_GUARDED): (S.GIVEN_UP, (A.ROLL_BACK,)),
    (S.TRIAL, E.LOST): (S.TRIAL_LOST, (A.ARM,)),
    (S.TRIAL, E.CONFIRM): (S.KEPT, (A.NOTE,)),
    (S.TRIAL_LOST, E.UP): (S.TRIAL, (A.DISARM, A.ENGAGE)),
    (S.TRIAL_LOST, E.LATE): (S.GIVEN_UP, (A.ROLL_BACK,)),
    (S.TRIAL_LOST, E.LATE_GUARDED): (S.GIVEN_UP, (A.ROLL_BACK,)),
    (S.TRIAL_LOST, E.CONFIRM): (S.KEPT_LOST, (A.NOTE,)),
    (S.KEPT, E.LOST): (S.KEPT_LOST, (A.ARM,)),
    (S.KEPT_LOST, E.UP): (S.KEPT, (A.DISARM, A.ENGAGE)),
    (S.KEPT_LOST, E.LATE): (S.AWAY, (A.ROLL_BACK,)),
    (S.KEPT_LOST, E.LATE_GUARDED): (S.HELD, ()),
    (S.HELD, E.UP): (S.KEPT, (A.ENGAGE,)),
    (S.AWAY, E.UP): (S.KEPT, (A.ENGAGE,)),
}

# Confirmed twice, or too early; a timer that fires after its reason is gone; a dialling that goes on failing.
IGNORED: Final = frozenset(
    {
        *((S.GIVEN_UP, event) for event in Event),
        *((state, E.UP) for state in (S.TRIAL, S.KEPT)),
        *((state, E.LOST) for state in (S.FIRST, S.TRIAL_LOST, S.KEPT_LOST, S.HELD, S.AWAY)),
        *((state, E.LATE) for state in (S.FIRST, S.TRIAL, S.KEPT, S.HELD, S.AWAY)),
        *((state, E.LATE_GUARDED) for state in (S.TRIAL, S.KEPT, S.HELD, S.AWAY)),
        *((state, E.CONFIRM) for state in (S.FIRST, S.KEPT, S.KEPT_LOST, S.HELD, S.AWAY)),
    }
)


def first_state(*, guarded: bool, confirmed: bool) -> State:
    """Where a client begins, which may be the next one of a tunnel that was confirmed before."""
    if not confirmed:
        return S.FIRST
    return S.HELD if guarded else S.AWAY


def after(state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
    """The next state, and what to do."""
    return TABLE.get((state, event), (state, ()))
