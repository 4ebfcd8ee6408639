"""The life of a client's membership, as a table, and how long it waits before it tries again. Pure."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from signal_bus.limits import RECONNECT_MAX_S, RECONNECT_MIN_S


class Phase(Enum):
    """Where a client stands with its server."""

    OUT = auto()  # no connection
    JOINING = auto()  # hello is sent
    JOINED = auto()
    OVER = auto()  # refused for good, or left


class Event(Enum):
    """What happens to it."""

    CONNECTED = auto()
    WELCOME = auto()
    STRANGER = auto()  # the server does not know us: it was restarted, or dropped us
    REFUSED = auto()
    LOST = auto()  # the connection broke, or hello was not answered in time
    LEAVE = auto()


class Action(Enum):
    """What to do about it."""

    HELLO = auto()
    ANNOUNCE = auto()  # tell the server what it should know of us, and ask again what it has not answered
    FAIL = auto()  # requests under way will not be answered
    BYE = auto()


TABLE: Final[dict[tuple[Phase, Event], tuple[Phase, tuple[Action, ...]]]] = {
    (Phase.OUT, Event.CONNECTED): (Phase.JOINING, (Action.HELLO,)),
    (Phase.OUT, Event.LEAVE): (Phase.OVER, (Action.FAIL,)),
    (Phase.JOINING, Event.WELCOME): (Phase.JOINED, (Action.ANNOUNCE,)),
    (Phase.JOINING, Event.REFUSED): (Phase.OVER, (Action.FAIL,)),
    (Phase.JOINING, Event.LOST): (Phase.OUT, ()),
    (Phase.JOINING, Event.LEAVE): (Phase.OVER, (Action.BYE, Action.FAIL)),  # it may have let us in already
    (Phase.JOINED, Event.STRANGER): (Phase.JOINING, (Action.HELLO,)),
    (Phase.JOINED, Event.LOST): (Phase.OUT, ()),
    (Phase.JOINED, Event.LEAVE): (Phase.OVER, (Action.BYE, Action.FAIL)),
}

# Pairs that may happen and change nothing: answers that come late or twice.
IGNORED: Final = frozenset(
    {
        (Phase.OUT, Event.WELCOME),
        (Phase.OUT, Event.STRANGER),
        (Phase.OUT, Event.REFUSED),
        (Phase.OUT, Event.LOST),
        (Phase.JOINING, Event.CONNECTED),
        (Phase.JOINING, Event.STRANGER),
        (Phase.JOINED, Event.CONNECTED),
        (Phase.JOINED, Event.WELCOME),
        (Phase.JOINED, Event.REFUSED),
        *((Phase.OVER, event) for event in Event),
    }
)


def step(phase: Phase, event: Event) -> tuple[Phase, tuple[Action, ...]]:
    """The next phase and what to do."""
    return TABLE.get((phase, event), (phase, ()))


class Backoff:
    """Delays from 0.1 s, doubling to 5 s, each shortened at random by up to half."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._next = RECONNECT_MIN_S

    def delay(self) -> float:
        """How long to wait this time."""
        delay = self._next * (1 - self._random() / 2)
        self._next = min(2 * self._next, RECONNECT_MAX_S)
        return delay

    def reset(self) -> None:
        """The last try went well."""
        self._next = RECONNECT_MIN_S
