"""How far a letter of ours came. Pure.

    queued -- HANDED --> sent -- KEPT --> relayed -- TAKEN --> delivered -- SEEN --> read
       ^------ FAILED ----'                  |
       ^------ UNKNOWN (the messenger lost it)
    any of the first three -- TOO_OLD --> expired

`relayed` is the messenger's word; `delivered` and `read` are signed by the receiver and hold at any time.
"""

from enum import IntEnum
from itertools import product
from typing import Final


class State(IntEnum):
    """What the sender knows. The numbers are kept on disk."""

    QUEUED = 0
    SENT = 1
    RELAYED = 2
    DELIVERED = 3
    READ = 4
    EXPIRED = 5


class Event(IntEnum):
    """What happens to a letter."""

    HANDED = 0
    FAILED = 1
    KEPT = 2
    UNKNOWN = 3
    TAKEN = 4
    SEEN = 5
    TOO_OLD = 6


OPEN: Final = (State.QUEUED, State.SENT, State.RELAYED)

TABLE: Final[dict[tuple[State, Event], State]] = {
    (State.QUEUED, Event.HANDED): State.SENT,
    (State.QUEUED, Event.KEPT): State.RELAYED,
    (State.SENT, Event.FAILED): State.QUEUED,
    (State.SENT, Event.UNKNOWN): State.QUEUED,
    (State.SENT, Event.KEPT): State.RELAYED,
    (State.RELAYED, Event.UNKNOWN): State.QUEUED,
    **{(state, Event.TAKEN): State.DELIVERED for state in OPEN},
    **{(state, Event.SEEN): State.READ for state in (*OPEN, State.DELIVERED)},
    **{(state, Event.TOO_OLD): State.EXPIRED for state in OPEN},
    (State.EXPIRED, Event.TAKEN): State.DELIVERED,
    (State.EXPIRED, Event.SEEN): State.READ,
}

# Late and repeated news, and a second try of what is with a messenger already.
IGNORED: Final = frozenset(
    {
        (State.QUEUED, Event.FAILED),
        (State.QUEUED, Event.UNKNOWN),
        (State.SENT, Event.HANDED),
        (State.RELAYED, Event.HANDED),
        (State.RELAYED, Event.FAILED),
        (State.RELAYED, Event.KEPT),
        *product((State.DELIVERED,), set(Event) - {Event.SEEN}),
        *product((State.READ,), Event),
        *product((State.EXPIRED,), set(Event) - {Event.TAKEN, Event.SEEN}),
    }
)


def after(state: State, event: Event) -> State:
    """The state once `event` happened."""
    return TABLE.get((state, event), state)
