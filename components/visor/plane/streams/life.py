"""The life of a stream, and of each of its halves, as tables. Pure.

    we open:    opening -opened-> open        the peer opens: offered -accepted-> open
    open -done-> parting -said-> closed         both halves ended; the last acknowledgement still goes out
    any -broke_off-> resetting -gone-> closed   our RESET must reach the peer
    any -was_reset-> closed                     the peer's RESET is answered by GONE

A half: flowing -end-> ending -complete-> ended: its final offset is known; all was acknowledged, or given to
the app.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a stream is."""

    OPENING = "opening"
    OFFERED = "offered"
    OPEN = "open"
    PARTING = "parting"
    RESETTING = "resetting"
    CLOSED = "closed"


class Event(StrEnum):
    """What happens to it."""

    OPENED = "opened"  # the peer accepted
    ACCEPTED = "accepted"  # our app accepted
    DONE = "done"  # both halves ended
    SAID = "said"  # nothing of it waits to be sent
    BROKE_OFF = "broke_off"  # our side resets it
    WAS_RESET = "was_reset"  # the peer resets it
    GONE = "gone"  # the peer knows it no more
    RESTARTED = "restarted"  # the peer is a new process and never knew it


class Action(StrEnum):
    """What the group carries out, in order."""

    RELEASE = "release"  # give back its buffers and its window
    SEND_OPENED = "send_opened"
    SEND_RESET = "send_reset"
    SAY_GONE = "say_gone"
    FORGET = "forget"
    TELL_OPENED = "tell_opened"  # the app
    TELL_CLOSED = "tell_closed"  # the app


S, E, A = State, Event, Action
_DROP: Final = (A.RELEASE, A.FORGET, A.TELL_CLOSED)

TABLE: Final[dict[tuple[State, Event], tuple[State, tuple[Action, ...]]]] = {
    (S.OPENING, E.OPENED): (S.OPEN, (A.TELL_OPENED,)),
    (S.OFFERED, E.ACCEPTED): (S.OPEN, (A.SEND_OPENED,)),
    (S.OPEN, E.DONE): (S.PARTING, (A.RELEASE, A.TELL_CLOSED)),
    (S.PARTING, E.SAID): (S.CLOSED, (A.FORGET,)),
    (S.PARTING, E.WAS_RESET): (S.CLOSED, (A.FORGET, A.SAY_GONE)),
    (S.PARTING, E.RESTARTED): (S.CLOSED, (A.FORGET,)),
    **{
        (s, E.BROKE_OFF): (S.RESETTING, (A.RELEASE, A.SEND_RESET, A.TELL_CLOSED))
        for s in (S.OPENING, S.OFFERED, S.OPEN)
    },
    **{
        (s, E.WAS_RESET): (S.CLOSED, (A.RELEASE, A.FORGET, A.SAY_GONE, A.TELL_CLOSED))
        for s in (S.OPENING, S.OFFERED, S.OPEN)
    },
    (S.RESETTING, E.GONE): (S.CLOSED, (A.FORGET,)),
    (S.RESETTING, E.WAS_RESET): (S.CLOSED, (A.FORGET, A.SAY_GONE)),
    (S.RESETTING, E.RESTARTED): (S.CLOSED, (A.FORGET,)),
    (S.OFFERED, E.RESTARTED): (S.CLOSED, _DROP),
    (S.OPEN, E.RESTARTED): (S.CLOSED, _DROP),
}

# Pairs that may happen and change nothing: late units, repeated orders. A stream that was never
# accepted survives a restart of the peer: it is offered again.
IGNORED: Final[frozenset[tuple[State, Event]]] = frozenset(
    {
        (S.OPENING, E.ACCEPTED),
        (S.OPENING, E.DONE),
        (S.OPENING, E.GONE),
        (S.OPENING, E.RESTARTED),
        (S.OPEN, E.OPENED),
        (S.OPEN, E.ACCEPTED),
        (S.OPEN, E.GONE),
        (S.OFFERED, E.OPENED),
        (S.OFFERED, E.DONE),
        (S.OFFERED, E.GONE),
        *((s, E.SAID) for s in S if s is not S.PARTING),
        *((S.PARTING, e) for e in (E.OPENED, E.ACCEPTED, E.DONE, E.BROKE_OFF, E.GONE)),
        *((S.RESETTING, e) for e in (E.OPENED, E.ACCEPTED, E.DONE, E.BROKE_OFF)),
        *((S.CLOSED, e) for e in E),
    }
)


class Half(StrEnum):
    """Where one direction of a stream is."""

    FLOWING = "flowing"
    ENDING = "ending"
    ENDED = "ended"


class HalfEvent(StrEnum):
    """What happens to one direction."""

    END = "end"  # its final offset is known
    COMPLETE = "complete"  # all of it was acknowledged, or given to the app


HALF_TABLE: Final[dict[tuple[Half, HalfEvent], Half]] = {
    (Half.FLOWING, HalfEvent.END): Half.ENDING,
    (Half.ENDING, HalfEvent.COMPLETE): Half.ENDED,
}
HALF_IGNORED: Final = frozenset(
    {
        (Half.FLOWING, HalfEvent.COMPLETE),
        (Half.ENDING, HalfEvent.END),
        (Half.ENDED, HalfEvent.END),
        (Half.ENDED, HalfEvent.COMPLETE),
    }
)


def follow(state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
    """The next state, and what to do."""
    return TABLE.get((state, event), (state, ()))


def follow_half(half: Half, event: HalfEvent) -> Half:
    """The next state of one direction."""
    return HALF_TABLE.get((half, event), half)
