"""How two ends come to sign the same figures. Pure: messages in, messages out.

The side that dialled proposes: every so often while bytes move, and when a line comes to rest. The other side
signs what agrees with its own figures, else it tells them. It reminds when a receipt is due for long.

An end that was killed lost what it had not written. Its peer's figures tell of it; they are taken for what is
missing, up to a bound for each peer, and are kept as restored. Whoever ended in order takes nobody's word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from components.mesh.errors import TagError, WireError
from components.visor.meter.judge import agreed, differ, missing
from components.visor.meter.limits import (
    A_TICK,
    ANSWER_S,
    DISPUTE_S,
    PROPOSE_BYTES,
    PROPOSE_S,
    REMIND_S,
    UNSURE_BYTES,
)
from components.visor.meter.receipt import Kind, Message, Receipt, Signed, is_signed, sign
from components.visor.meter.sums import OTHERS, UNKNOWN_APP, Figures, Line, Row, Sums
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

LAST_SEQUENCE: Final = 2**32 - 1


class Flows(Protocol):
    """The streams of each line, now."""

    def look_at(self, line: Line, day: int) -> None:
        """Count what they moved."""

    def unsure(self, line: Line) -> int:
        """Bytes of which it is not known whether they arrived."""

    def live(self, line: Line) -> int:
        """How many there are."""

    def clear_up(self, line: Line, most: int) -> int:
        """So much of what was in doubt arrived: how much of it was in doubt."""


class Outcome(NamedTuple):
    """What a message leads to: `signed` is to be kept before an answer goes out."""

    answers: tuple[Message, ...] = ()
    signed: tuple[int, Line, Signed] | None = None


NOTHING: Final = Outcome()


class Exchange:
    """Of one node. `killed_by` is the day until which figures may be missing; None after an end in order."""

    def __init__(self, identity: Identity, sums: Sums, flows: Flows, killed_by: int | None) -> None:
        self._identity = identity
        self._own = identity.public_key
        self._sums = sums
        self._flows = flows
        self._killed_by = killed_by
        self._unasked = set(sums.rows) if killed_by is not None else set()
        self._words: dict[PublicKey, int] = {}  # bytes taken from the word of each peer

    def clock_is(self, day: int) -> None:
        """It may have been ahead when figures were missed."""
        if self._killed_by is not None:
            self._killed_by = min(self._killed_by, day)

    # -- what is due

    def due(self, now: float, reachable: Callable[[PublicKey], bool]) -> list[tuple[PublicKey, Message]]:
        """What to say, and to whom."""
        said = self._asked_after_a_kill(now, reachable)
        for row in self._sums.owed():
            row.age(now)
            if len(said) < A_TICK and reachable(row.line.peer):
                message = self._proposal_due(row, now) if row.line.dialled else self._reminder_due(row, now)
                if message is not None:
                    said.append((row.line.peer, message))
        return said

    def _asked_after_a_kill(
        self, now: float, reachable: Callable[[PublicKey], bool]
    ) -> list[tuple[PublicKey, Message]]:
        """Each line that was kept is asked about once: the peer may know of more."""
        said: list[tuple[PublicKey, Message]] = []
        for key in tuple(self._unasked):
            row = self._sums.find(*key)
            if row is None or row.line == OTHERS:
                self._unasked.discard(key)
            elif len(said) < A_TICK and reachable(row.line.peer):
                self._unasked.discard(key)
                message = (
                    self._propose(row, now) if row.line.dialled else Message(Kind.DIFFER, self._told(row))
                )
                said += [] if message is None else [(row.line.peer, message)]
        return said

    def waiting(self, reachable: Callable[[PublicKey], bool]) -> bool:
        """Whether a receipt is owed by somebody who can be reached, and the figures are not disputed."""
        return any(
            (row.line.dialled or _is_behind(row)) and row.disputed is None and reachable(row.line.peer)
            for row in self._sums.owed()
        )

    def hurry(self) -> None:
        """Have all proposed that can be."""
        for row in self._sums.owed():
            row.asked_at, row.proposed_at, row.asked_bytes = float("-inf"), None, 0

    def _proposal_due(self, row: Row, now: float) -> Message | None:
        asked = row.proposed_at is not None
        if row.proposed_at is not None and now - row.proposed_at < ANSWER_S:
            return None
        pause = DISPUTE_S if row.disputed is not None else PROPOSE_S
        rests = not asked and row.disputed is None and not self._flows.live(row.line)
        many = row.disputed is None and row.sent + row.received - row.asked_bytes >= PROPOSE_BYTES
        late = row.asked_at is None or now - row.asked_at >= pause
        return self._propose(row, now) if rests or many or late else None

    def _propose(self, row: Row, now: float) -> Message | None:
        if row.sequence >= LAST_SEQUENCE:
            return None
        row.sequence += 1
        row.proposed_at = row.asked_at = now
        row.asked_bytes = row.sent + row.received
        row.proposal = self._told(row)
        return Message(Kind.PROPOSE, row.proposal, sign(self._identity, row.proposal))

    def _reminder_due(self, row: Row, now: float) -> Message | None:
        pause = DISPUTE_S if row.disputed is not None else REMIND_S
        if row.asked_at is None:  # the other side is to propose first
            row.asked_at = now
        if now - row.asked_at < pause or not _is_behind(row):
            return None
        row.asked_at = now
        return Message(Kind.DIFFER, self._told(row))

    def _told(self, row: Row) -> Receipt:
        """Our figures, as a receipt has them."""
        peer, port, dialled = row.line
        ends = (self._own, peer) if dialled else (peer, self._own)
        there, back = (row.sent, row.received) if dialled else (row.received, row.sent)
        return Receipt(*ends, port, row.day, row.sequence, there, back)

    # -- what is heard

    def take(self, peer: PublicKey, message: Message, now: float, day: int) -> Outcome:
        """A message of a peer. Raises `WireError` for one that cannot be, `TagError` for a bad signature."""
        receipt = message.receipt
        line = self._line(peer, message)
        if not day - 1 <= receipt.day <= day + 1:
            return NOTHING
        self._flows.look_at(line, day)
        row = self._row(receipt.day, line)
        if row is None:
            return self._unheard_of(message, line)
        if message.kind is Kind.PROPOSE:
            return self._proposed(row, message, now)
        if message.kind is Kind.AGREE:
            return self._agreed(row, message)
        return self._differs(row, receipt, now)

    def _line(self, peer: PublicKey, message: Message) -> Line:
        """The line it is about, if the two of us are its ends and this kind may come from the peer."""
        receipt = message.receipt
        ends = receipt.dialler, receipt.dialled
        if ends not in ((self._own, peer), (peer, self._own)):
            raise WireError("a receipt of other nodes")
        ours = receipt.dialler == self._own
        if (message.kind is Kind.PROPOSE and ours) or (message.kind is Kind.AGREE and not ours):
            raise WireError("a receipt from the wrong side")
        if message.signature and not is_signed(receipt, peer, message.signature):
            raise TagError(f"a receipt that {peer.hex()} did not sign")
        return Line(peer, receipt.port, ours)

    def _row(self, day: int, line: Line) -> Row | None:
        row = self._sums.find(day, line)
        if row is None and self._killed_by is not None and day <= self._killed_by:
            made = self._sums.row(day, line)
            return made if made.line == line else None
        return row

    def _unheard_of(self, message: Message, line: Line) -> Outcome:
        """We have no such line, and nothing is missing here."""
        if message.kind is not Kind.PROPOSE and not line.dialled:
            return NOTHING
        return Outcome((Message(Kind.DIFFER, message.receipt._replace(there_bytes=0, back_bytes=0)),))

    def _proposed(self, row: Row, message: Message, now: float) -> Outcome:
        receipt = message.receipt
        if receipt.sequence <= row.sequence:  # the peer lost count, or it comes twice
            return Outcome((Message(Kind.DIFFER, self._told(row)),))
        claimed = Figures(receipt.back_bytes, receipt.there_bytes)
        self._learn(row, claimed)
        row.asked_at = now
        if not agreed(claimed, row.floor, self._own_of(row)):
            row.disputed = receipt
            row.sequence = receipt.sequence
            return Outcome((Message(Kind.DIFFER, self._told(row)),))
        ours = sign(self._identity, receipt)
        signed = self._signed(row, Signed(receipt, message.signature, ours))
        answers: tuple[Message, ...] = (Message(Kind.AGREE, receipt, ours),)
        known = row.floor if self._flows.live(row.line) else Figures(row.sent, row.received)
        if claimed.sent < known.sent or claimed.received < known.received:
            answers += (Message(Kind.DIFFER, self._told(row)),)  # a little less: it may have lost it
        return Outcome(answers, signed)

    def _agreed(self, row: Row, message: Message) -> Outcome:
        if message.receipt != row.proposal:
            return NOTHING  # an answer that came late
        assert row.proposal is not None
        signed = Signed(row.proposal, sign(self._identity, row.proposal), message.signature)
        return Outcome((), self._signed(row, signed))

    def _signed(self, row: Row, signed: Signed) -> tuple[int, Line, Signed]:
        row.signed, row.sequence = signed, signed.receipt.sequence
        row.proposed_at = row.proposal = row.disputed = None
        return row.day, row.line, signed

    def _differs(self, row: Row, receipt: Receipt, now: float) -> Outcome:
        behind = receipt.sequence > row.sequence
        row.sequence = max(row.sequence, receipt.sequence)
        there, back = receipt.there_bytes, receipt.back_bytes
        claimed = Figures(there, back) if row.line.dialled else Figures(back, there)
        learnt = self._learn(row, claimed)
        answer = row.proposal is not None and receipt.sequence >= row.proposal.sequence
        row.proposed_at = row.proposal = None
        if not agreed(claimed, row.floor, self._own_of(row)):
            row.disputed = receipt
        elif not learnt and not behind:
            row.disputed = None
        if row.line.dialled and (learnt or behind or not answer) and (row.sent, row.received) != row.agreed:
            proposal = self._propose(row, now)
            return NOTHING if proposal is None else Outcome((proposal,))
        return NOTHING

    # -- what the peer knows better

    def _own_of(self, row: Row) -> Figures:
        return Figures(row.sent, row.received, self._flows.unsure(row.line))

    def _learn(self, row: Row, claimed: Figures) -> bool:
        """Take from the peer what we cannot know any more: whether there was anything."""
        cleared = self._flows.clear_up(row.line, max(0, claimed.sent - row.sent))
        self._sums.add(row.day, row.line, _app(row), cleared, 0)
        if self._killed_by is None or row.day > self._killed_by:
            return bool(cleared)
        lost = missing(claimed, self._own_of(row))
        taken = sum(lost)
        if taken and self._words.get(row.line.peer, 0) + taken <= UNSURE_BYTES:
            self._words[row.line.peer] = self._words.get(row.line.peer, 0) + taken
            self._sums.add(row.day, row.line, _app(row), lost.sent, lost.received, restored=True)
            return True
        return bool(cleared)


def _is_behind(row: Row) -> bool:
    """Whether the receipt says less by more than the tolerance."""
    sent, received = row.agreed
    return differ(row.sent, sent) or differ(row.received, received)


def _app(row: Row) -> str:
    """Whose bytes they will have been."""
    return max(row.apps, key=lambda app: sum(row.apps[app]), default=UNKNOWN_APP)
