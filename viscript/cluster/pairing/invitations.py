"""The invitations of one home: which are open, and what ends them. Pure: time is an argument.

They are in memory only. A daemon that starts anew knows none of the earlier; their codes are worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.pairing.code import Code
from viscript.cluster.pairing.messages import Status
from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Role

LIFETIME_S: Final = 600.0
MOST_OPEN: Final = 4
MOST_FAILURES: Final = 3
MOST_ENDED: Final = 32  # that are remembered, to say what became of a code


class State(Enum):
    """How an invitation stands."""

    OPEN = "open"
    BUSY = "busy"  # a host is pairing by it
    USED = "used"
    BURNT = "burnt"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Happens(Enum):
    """What can happen to an invitation."""

    COMES = "a host names it"
    FAILS = "the pairing fails"
    FAILS_AGAIN = "the pairing fails for the last time"
    DIFFERS = "somebody says that the words differ"
    JOINS = "the host is a member"
    EXPIRES = "its time is over"
    WITHDRAWS = "whoever invited takes it back"


TABLE: Final[dict[tuple[State, Happens], State]] = {
    (State.OPEN, Happens.COMES): State.BUSY,
    (State.OPEN, Happens.EXPIRES): State.EXPIRED,
    (State.OPEN, Happens.WITHDRAWS): State.WITHDRAWN,
    (State.BUSY, Happens.FAILS): State.OPEN,
    (State.BUSY, Happens.FAILS_AGAIN): State.BURNT,
    (State.BUSY, Happens.DIFFERS): State.BURNT,
    (State.BUSY, Happens.JOINS): State.USED,
    (State.BUSY, Happens.WITHDRAWS): State.WITHDRAWN,
}
LIVE: Final = frozenset({State.OPEN, State.BUSY})

# Pairs that may happen and change nothing: a second host is told `busy`, a pairing has a deadline of its own,
# and what has ended stays as it ended. A failure of an open one cannot happen: nobody is pairing.
IGNORED: Final = frozenset(
    {(State.BUSY, Happens.COMES), (State.BUSY, Happens.EXPIRES)}
    | {(State.OPEN, event) for event in (Happens.FAILS, Happens.FAILS_AGAIN, Happens.DIFFERS, Happens.JOINS)}
    | {(state, event) for state in State if state not in LIVE for event in Happens}
)

ANSWERS: Final[dict[State, Status]] = {
    State.OPEN: Status.OPEN,
    State.BUSY: Status.BUSY,
    State.USED: Status.USED,
    State.BURNT: Status.BURNT,
    State.EXPIRED: Status.EXPIRED,
    State.WITHDRAWN: Status.WITHDRAWN,
}
BECAME: Final[dict[State, str]] = {
    State.USED: "it was used",
    State.BURNT: "it was burnt: three pairings failed, or the words differed",
    State.EXPIRED: f"it has expired: a code holds for {LIFETIME_S / 60:g} minutes",
    State.WITHDRAWN: "it was withdrawn",
}


@dataclass
class Invitation:
    """One code that was printed, what it grants, and how it stands."""

    number: int
    code: Code
    role: Role
    name: str  # the label the joiner is to have; empty: its own
    ends: float
    failures: int = 0
    fault: str = ""  # of the last pairing that failed
    joined: tuple[str, PublicKey] | None = None  # the label and the key of whom it let in
    state: State = State.OPEN

    @property
    def is_live(self) -> bool:
        """Whether its code may still be used."""
        return self.state in LIVE


@dataclass
class Invitations:
    """All of one home, by their number and by what names them on the wire."""

    _by_name: dict[bytes, Invitation] = field(default_factory=dict)
    _next: int = 1

    def add(self, code: Code, *, role: Role, name: str, now: float) -> Invitation:
        """Open one. Raises `VerbError` when too many are open."""
        if len(self.live()) >= MOST_OPEN:
            text = f"{MOST_OPEN} invitations are open already; end one with: host refuse NUMBER"
            raise VerbError(ExitCode.FAILED, text)
        made = Invitation(self._next, code, role, name, now + LIFETIME_S)
        self._next += 1
        self._by_name[code.invitation] = made
        self._forget_oldest()
        return made

    def live(self) -> list[Invitation]:
        """Those whose code may still be used, the oldest first."""
        return [one for one in self._by_name.values() if one.is_live]

    def numbered(self, number: int) -> Invitation | None:
        """The live one with that number."""
        return next((one for one in self.live() if one.number == number), None)

    def asked(self, invitation: bytes, now: float) -> Invitation | Status:
        """The open one that a host names, which is busy from now on; or what became of it."""
        self.expire(now)
        found = self._by_name.get(invitation)
        if found is None:
            return Status.UNKNOWN
        answer = ANSWERS[found.state]
        if answer is not Status.OPEN:
            return answer
        self.happens(found, Happens.COMES)
        return found

    def failed(self, one: Invitation, text: str, *, words: bool) -> None:
        """A pairing by it came to nothing."""
        one.failures += 1
        one.fault = text
        again = Happens.FAILS_AGAIN if one.failures >= MOST_FAILURES else Happens.FAILS
        self.happens(one, Happens.DIFFERS if words else again)

    def happens(self, one: Invitation, event: Happens) -> None:
        """Go on by the table."""
        if (one.state, event) not in IGNORED:
            one.state = TABLE[(one.state, event)]

    def expire(self, now: float) -> None:
        """End those whose time is over."""
        for one in self.live():
            if now >= one.ends:
                self.happens(one, Happens.EXPIRES)

    def next_end(self) -> float | None:
        """When the next open one ends."""
        return min((one.ends for one in self.live() if one.state is State.OPEN), default=None)

    def _forget_oldest(self) -> None:
        ended = [name for name, one in self._by_name.items() if not one.is_live]
        for name in ended[: max(0, len(ended) - MOST_ENDED)]:
            del self._by_name[name]
