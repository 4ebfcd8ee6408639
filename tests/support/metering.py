"""Two ends of a line: their sums, the streams as the test says, and the messages between them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from components.visor.meter.exchange import Exchange, Outcome
from components.visor.meter.receipt import Kind, Message, Signed
from components.visor.meter.sums import Entry, Line, Row, Sums
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB

PORT = 700
DAY = 20_000


@dataclass
class Flow:
    """What the streams of all lines have."""

    in_doubt: int = 0
    streams: int = 0

    def look_at(self, line: Line, day: int) -> None:
        """All is counted by the test itself."""

    def unsure(self, line: Line) -> int:
        return self.in_doubt

    def live(self, line: Line) -> int:
        return self.streams

    def clear_up(self, line: Line, most: int) -> int:
        known = 0 if self.streams else min(most, self.in_doubt)
        self.in_doubt -= known
        return known


@dataclass
class End:
    """One of the two."""

    identity: Identity
    peer: PublicKey
    dialled: bool
    killed_by: int | None = None
    flow: Flow = field(default_factory=Flow)

    def __post_init__(self) -> None:
        self.kept: list[Entry] = []
        self.signed: list[tuple[int, Line, Signed]] = []
        self.begin()

    def begin(self, *, killed: bool = False) -> None:
        """A new process, with what the last one wrote."""
        self.sums = Sums()
        self.sums.load(self.kept, self.signed)
        self.exchange = Exchange(self.identity, self.sums, self.flow, DAY if killed else self.killed_by)

    def write(self) -> None:
        """What the next process will find."""
        self.sums.changed = {(row.day, row.line, app) for row in self.sums.rows.values() for app in row.apps}
        self.kept = self.sums.take_changed()
        self.signed = [(row.day, row.line, row.signed) for row in self.sums.rows.values() if row.signed]

    @property
    def line(self) -> Line:
        return Line(self.peer, PORT, self.dialled)

    @property
    def row(self) -> Row:
        return self.sums.row(DAY, self.line)

    def count(self, sent: int, received: int) -> None:
        self.sums.add(DAY, self.line, "app", sent, received)


class Pair:
    """The first one dialled."""

    def __init__(self, *, first_killed: bool = False, last_killed: bool = False) -> None:
        self.first = End(ALICE, BOB.public_key, dialled=True, killed_by=DAY if first_killed else None)
        self.last = End(BOB, ALICE.public_key, dialled=False, killed_by=DAY if last_killed else None)
        self.now = 1000.0
        self.said: list[tuple[Kind, Message]] = []

    def other(self, end: End) -> End:
        return self.last if end is self.first else self.first

    def move(self, there: int, back: int = 0) -> None:
        """Bytes that both know of."""
        self.first.count(there, back)
        self.last.count(back, there)

    def turn(self, passed: float = 1.0) -> None:
        """Time goes on, and both say what is due."""
        self.now += passed
        for end in (self.first, self.last):
            for peer, message in end.exchange.due(self.now, lambda peer: True):
                assert peer == end.peer
                self.carry(end, message)

    def carry(self, sender: End, message: Message) -> None:
        """A message, and all that follows from it."""
        waiting = deque([(sender, message)])
        while waiting:
            sender, message = waiting.popleft()
            self.said.append((message.kind, message))
            assert len(self.said) < 100
            answers = self.give(sender, message).answers
            waiting.extend((self.other(sender), answer) for answer in answers)

    def give(self, sender: End, message: Message) -> Outcome:
        receiver = self.other(sender)
        return receiver.exchange.take(sender.identity.public_key, message, self.now, DAY)

    @property
    def kinds(self) -> list[Kind]:
        """What was said since the last time."""
        said, self.said = self.said, []
        return [kind for kind, _ in said]
