"""How far a text came on its way to one receiver. Pure.

    queued    on our disk
    sent      on its way: to the peer, or to a messenger
    relayed   a messenger keeps it
    delivered the peer's node has it
    read      somebody there has seen it
    expired   the letter was given up after 14 days; it goes when the peer is there again

`told` is what was heard of it; what is heard late changes nothing back.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from itertools import product
from typing import Final


class State(IntEnum):
    """The numbers are kept on disk; of several receivers the least is shown."""

    EXPIRED = 0
    QUEUED = 1
    SENT = 2
    RELAYED = 3
    DELIVERED = 4
    READ = 5


OPEN: Final = (State.EXPIRED, State.QUEUED, State.SENT, State.RELAYED)
HERE: Final = State.DELIVERED  # from this on the peer's node has it

TABLE: Final[dict[tuple[State, State], State]] = {
    **{(state, told): told for state, told in product(OPEN, State) if state is not told},
    (State.DELIVERED, State.READ): State.READ,
}

# The same once more, and late news of what has arrived.
IGNORED: Final = frozenset(
    {
        *((state, state) for state in OPEN),
        *product((State.DELIVERED,), set(State) - {State.READ}),
        *product((State.READ,), State),
    }
)


def after(state: State, told: State) -> State:
    """The state once `told` was heard."""
    return TABLE.get((state, told), state)


def of_letter(word: str) -> State | None:
    """What a letter's fate says of the text in it: that the peer's app took it is not that it was read."""
    return _OF_LETTER.get(word)


_OF_LETTER: Final = {
    **{state.name.lower(): state for state in State},
    "read": State.DELIVERED,
}


def least(states: Iterable[State]) -> State:
    """What is shown for all receivers of a text; one without any was for ourselves."""
    return min(states, default=State.READ)
