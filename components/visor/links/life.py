"""The life of one transport as this node sees it. Pure; `TABLE` decides, `transport` carries out.

NEW       known, and nothing was done yet
DIALLING  wanted here, a dial is under way, no link
WAITING   wanted here, the last dial failed or the link was lost, a timer runs
UP        wanted here, a link stands
CROSSED   wanted here, a link stands while a dial of ours is under way: the peer's came first, or it is silent
GUEST     a link stands that only the peer wants
ENDED     over; the transport is forgotten
"""

from enum import Enum, auto
from itertools import product
from typing import Final


class State(Enum):
    """Where a transport is in its life."""

    NEW = auto()
    DIALLING = auto()
    WAITING = auto()
    UP = auto()
    CROSSED = auto()
    GUEST = auto()
    ENDED = auto()


class Event(Enum):
    """What happens to a transport."""

    WANT = auto()  # somebody here asks for it
    HURRY = auto()  # the network came back
    UNWANT = auto()  # somebody here removes it
    VISITED = auto()  # a link the peer dialled stands
    DIALLED = auto()  # the link we dialled stands
    FAILED = auto()  # our dial came to nothing
    DUE = auto()  # the timer
    SILENT = auto()  # a link stands, and its neighbour does not answer
    LOST = auto()  # the last of its links ended


class Action(Enum):
    """What is to be done."""

    DIAL = auto()
    STOP_DIAL = auto()
    ARM = auto()
    DISARM = auto()
    HANG_UP = auto()
    TELL_UP = auto()
    TELL_DOWN = auto()
    FORGET = auto()


TABLE: Final[dict[tuple[State, Event], tuple[State, tuple[Action, ...]]]] = {
    (State.NEW, Event.WANT): (State.DIALLING, (Action.DIAL,)),
    (State.NEW, Event.VISITED): (State.GUEST, (Action.TELL_UP,)),
    (State.DIALLING, Event.HURRY): (State.DIALLING, (Action.STOP_DIAL, Action.DIAL)),
    (State.DIALLING, Event.UNWANT): (State.ENDED, (Action.STOP_DIAL, Action.FORGET)),
    (State.DIALLING, Event.VISITED): (State.CROSSED, (Action.TELL_UP,)),
    (State.DIALLING, Event.DIALLED): (State.UP, (Action.TELL_UP,)),
    (State.DIALLING, Event.FAILED): (State.WAITING, (Action.ARM,)),
    (State.WAITING, Event.WANT): (State.DIALLING, (Action.DISARM, Action.DIAL)),
    (State.WAITING, Event.HURRY): (State.DIALLING, (Action.DISARM, Action.DIAL)),
    (State.WAITING, Event.UNWANT): (State.ENDED, (Action.DISARM, Action.FORGET)),
    (State.WAITING, Event.VISITED): (State.UP, (Action.DISARM, Action.TELL_UP)),
    (State.WAITING, Event.DUE): (State.DIALLING, (Action.DIAL,)),
    (State.UP, Event.UNWANT): (State.ENDED, (Action.HANG_UP, Action.TELL_DOWN, Action.FORGET)),
    (State.UP, Event.VISITED): (State.UP, (Action.TELL_UP,)),
    (State.UP, Event.SILENT): (State.CROSSED, (Action.DIAL,)),
    (State.UP, Event.LOST): (State.WAITING, (Action.TELL_DOWN, Action.ARM)),
    (State.CROSSED, Event.HURRY): (State.CROSSED, (Action.STOP_DIAL, Action.DIAL)),
    (State.CROSSED, Event.UNWANT): (
        State.ENDED,
        (Action.STOP_DIAL, Action.HANG_UP, Action.TELL_DOWN, Action.FORGET),
    ),
    (State.CROSSED, Event.VISITED): (State.CROSSED, (Action.TELL_UP,)),
    (State.CROSSED, Event.DIALLED): (State.UP, (Action.TELL_UP,)),
    (State.CROSSED, Event.FAILED): (State.UP, ()),
    (State.CROSSED, Event.LOST): (State.DIALLING, (Action.TELL_DOWN,)),
    (State.GUEST, Event.WANT): (State.UP, ()),
    (State.GUEST, Event.UNWANT): (State.ENDED, (Action.HANG_UP, Action.TELL_DOWN, Action.FORGET)),
    (State.GUEST, Event.VISITED): (State.GUEST, (Action.TELL_UP,)),
    (State.GUEST, Event.LOST): (State.ENDED, (Action.TELL_DOWN, Action.FORGET)),
}

# Pairs that may happen and change nothing: repeated orders, late timers, late news of a dial or of a link.
IGNORED: Final[frozenset[tuple[State, Event]]] = frozenset(
    {
        *product((State.ENDED,), Event),
        *product((State.NEW,), set(Event) - {Event.WANT, Event.VISITED}),
        *product((State.DIALLING,), (Event.WANT, Event.DUE, Event.SILENT, Event.LOST)),
        *product((State.WAITING,), (Event.DIALLED, Event.FAILED, Event.SILENT, Event.LOST)),
        *product((State.UP,), (Event.WANT, Event.HURRY, Event.DIALLED, Event.FAILED, Event.DUE)),
        *product((State.CROSSED,), (Event.WANT, Event.DUE, Event.SILENT)),
        *product((State.GUEST,), (Event.HURRY, Event.DIALLED, Event.FAILED, Event.DUE, Event.SILENT)),
    }
)

WANTED: Final = frozenset({State.DIALLING, State.WAITING, State.UP, State.CROSSED})


def turn(state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
    """The next state, and what is to be done on the way."""
    return TABLE.get((state, event), (state, ()))
