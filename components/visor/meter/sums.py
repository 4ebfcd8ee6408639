"""The figures of yesterday, today and tomorrow: bytes by line and app. Pure: days and times are handed in.

A **line** is all streams with one peer to one port, dialled by one of the two. Anybody can draw keys, so only
the first lines of a day have figures of their own; the others are counted together under `OTHERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from components.visor.meter.limits import APPS_A_LINE, FLOOR_S, LINES_A_DAY
from components.visor.meter.receipt import Receipt, Signed
from signal_bus.ids import PublicKey

UNKNOWN_APP: Final = "unknown"
OTHER_APPS: Final = "others"


class Line(NamedTuple):
    """`dialled`: by this node; `port` is the port that was dialled."""

    peer: PublicKey
    port: int
    dialled: bool


OTHERS: Final = Line(PublicKey(bytes(32)), 0, dialled=False)


class Figures(NamedTuple):
    """Bytes. `unsure`: of those that went out, what the peer may have besides."""

    sent: int
    received: int
    unsure: int = 0


class Entry(NamedTuple):
    """The figures of one app on a line and day, as they are kept. Restored ones are in the sums, too."""

    day: int
    line: Line
    app: str
    sent: int
    received: int
    restored: int


class Row:
    """One line on one day."""

    def __init__(self, day: int, line: Line) -> None:
        self.day = day
        self.line = line
        self.apps: dict[str, list[int]] = {}  # sent, received, restored
        self.signed: Signed | None = None
        self.floor = Figures(0, 0)  # figures that are old enough to be known to the peer
        self.newer = Figures(0, 0)
        self._aged = float("-inf")
        self.sequence = 0  # the newest one known
        self.proposed_at: float | None = None  # and not answered yet
        self.asked_at: float | None = None  # the last proposal or reminder
        self.asked_bytes = 0
        self.proposal: Receipt | None = None
        self.disputed: Receipt | None = None  # what the peer sees otherwise

    @property
    def sent(self) -> int:
        """Known to have arrived."""
        return sum(counts[0] for counts in self.apps.values())

    @property
    def received(self) -> int:
        """From the peer."""
        return sum(counts[1] for counts in self.apps.values())

    @property
    def agreed(self) -> tuple[int, int]:
        """Sent and received, as both signed."""
        if self.signed is None:
            return 0, 0
        there, back = self.signed.receipt.there_bytes, self.signed.receipt.back_bytes
        return (there, back) if self.line.dialled else (back, there)

    def age(self, now: float) -> None:
        """Time passes: what was counted before becomes the floor."""
        if now - self._aged >= FLOOR_S:
            self.floor, self.newer = self.newer, Figures(self.sent, self.received)
            self._aged = now


class Sums:
    """Rows of the days around today. What changed waits in `changed` until it is written."""

    def __init__(self, *, lines_a_day: int = LINES_A_DAY) -> None:
        self.rows: dict[tuple[int, Line], Row] = {}
        self.changed: set[tuple[int, Line, str]] = set()
        self.unsigned: set[tuple[int, Line]] = set()  # more was counted than both signed
        self._lines_a_day = lines_a_day
        self._counted: dict[int, int] = {}

    def owed(self) -> Iterator[Row]:
        """Those of which not all is signed by both."""
        for key in tuple(self.unsigned):
            row = self.rows.get(key)
            if row is None or row.line == OTHERS or (row.sent, row.received) == row.agreed:
                self.unsigned.discard(key)
            else:
                yield row

    def load(self, entries: Iterable[Entry], signed: Iterable[tuple[int, Line, Signed]]) -> None:
        """What was kept. Lines that are here already know more."""
        here = set(self.rows)
        for entry in entries:
            if (entry.day, entry.line) in here:
                continue
            counts = self.row(entry.day, entry.line).apps.setdefault(entry.app, [0, 0, 0])
            counts[:] = [entry.sent, entry.received, entry.restored]
        for day, line, one in signed:
            if (day, line) in here:
                continue
            row = self.row(day, line)
            row.signed, row.sequence = one, one.receipt.sequence
        for key in self.rows.keys() - here:
            row = self.rows[key]
            row.floor = row.newer = Figures(row.sent, row.received)
            self.unsigned.add(key)

    def row(self, day: int, line: Line) -> Row:
        """Its row, or that of the others when the day has too many."""
        row = self.rows.get((day, line))
        if row is not None:
            return row
        if line != OTHERS:
            if self._counted.get(day, 0) >= self._lines_a_day:
                return self.row(day, OTHERS)
            self._counted[day] = self._counted.get(day, 0) + 1
        made = self.rows[day, line] = Row(day, line)
        return made

    def find(self, day: int, line: Line) -> Row | None:
        """Its row, if it has one."""
        return self.rows.get((day, line))

    def add(
        self, day: int, line: Line, app: str, sent: int, received: int, *, restored: bool = False
    ) -> None:
        """So much more."""
        if not sent and not received:
            return
        row = self.row(day, line)
        if app not in row.apps and len(row.apps) >= APPS_A_LINE:
            app = OTHER_APPS
        counts = row.apps.setdefault(app, [0, 0, 0])
        counts[0] += sent
        counts[1] += received
        if restored:
            counts[2] += sent + received
        self.changed.add((day, row.line, app))
        self.unsigned.add((day, row.line))

    def take_changed(self) -> list[Entry]:
        """All that is to be written; it counts as written until `give_back`."""
        changed, self.changed = self.changed, set()
        return [Entry(day, line, app, *self.rows[day, line].apps[app]) for day, line, app in changed]

    def give_back(self, entries: Iterable[Entry]) -> None:
        """It could not be written."""
        self.changed.update((entry.day, entry.line, entry.app) for entry in entries)

    def forget_before(self, day: int) -> None:
        """Days that are over for good, once they are written."""
        self._forget(lambda one: one < day)

    def forget_after(self, day: int) -> None:
        """Days of a clock that was ahead, once they are written."""
        self._forget(lambda one: one > day)

    def _forget(self, is_over: Callable[[int], bool]) -> None:
        waiting = {(at, line) for at, line, _ in self.changed}
        for key in [key for key in self.rows if is_over(key[0]) and key not in waiting]:
            del self.rows[key]
        for day in [day for day in self._counted if is_over(day)]:
            del self._counted[day]
