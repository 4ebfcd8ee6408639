"""The streams that are metered: looked at now and then, so that nothing is counted while bytes move.

A stream that was broken off is watched on until its peer told what it had of it, or for some seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from components.visor.apps.streams import OpenStream
from components.visor.meter.limits import LINES_A_DAY, LINGER_S
from components.visor.meter.sums import Line, Sums
from components.visor.plane.streams.tally import Tally

_SMOOTH: Final = 0.5  # of a speed: the share of the last look


@dataclass
class Watched:
    """One stream. Speeds are in bytes a second."""

    app: str
    stream: OpenStream
    tally: Tally
    opened_at: float
    sent: int = 0
    received: int = 0
    sent_speed: float = 0.0
    received_speed: float = 0.0
    looked_at: float = 0.0
    over_at: float | None = None

    @property
    def line(self) -> Line:
        """What it belongs to."""
        return line_of(self.stream)

    def moved(self) -> tuple[int, int]:
        """Bytes since the last time."""
        sent, received = self.tally.acknowledged_bytes, self.tally.received_bytes
        more = sent - self.sent, received - self.received
        self.sent, self.received = sent, received
        return more

    def paced(self, sent: int, received: int, now: float) -> None:
        """So much since the last look: how fast it is."""
        passed = now - self.looked_at
        if passed > 0:
            self.sent_speed += _SMOOTH * (sent / passed - self.sent_speed)
            self.received_speed += _SMOOTH * (received / passed - self.received_speed)
            self.looked_at = now


def line_of(stream: OpenStream) -> Line:
    """The line of a stream: the port is that of the side that was dialled."""
    return Line(stream.pk, stream.rport if stream.dialled else stream.port, stream.dialled)


@dataclass
class _Flow:
    """The streams of one line, and bytes of earlier ones of which it stayed unknown whether they arrived."""

    streams: list[Watched] = field(default_factory=list)
    doubt: int = 0


class Watch:
    """All streams of a node; what they move goes to the sums."""

    def __init__(self, sums: Sums) -> None:
        self._sums = sums
        self._flows: dict[Line, _Flow] = {}

    def __iter__(self) -> Iterator[Watched]:
        for flow in self._flows.values():
            yield from flow.streams

    def add(self, app: str, stream: OpenStream, tally: Tally, now: float) -> None:
        """A stream was opened."""
        watched = Watched(app, stream, tally, now, looked_at=now)
        self._flows.setdefault(watched.line, _Flow()).streams.append(watched)

    def look(self, day: int, now: float) -> None:
        """Count what all streams moved, and forget those that are settled."""
        for line, flow in tuple(self._flows.items()):
            for watched in flow.streams:
                self._count(day, line, watched, now)
            going = list[Watched]()
            for watched in flow.streams:
                if self._ended(watched, now):
                    flow.doubt += watched.tally.unsure_bytes
                else:
                    going.append(watched)
            flow.streams = going
            if not flow.streams and (not flow.doubt or len(self._flows) > LINES_A_DAY):
                del self._flows[line]

    def look_at(self, line: Line, day: int) -> None:
        """Count what the streams of one line moved."""
        for watched in self._streams(line):
            self._sums.add(day, line, watched.app, *watched.moved())

    def unsure(self, line: Line) -> int:
        """Bytes that went out, of which it is not known whether they arrived."""
        flow = self._flows.get(line)
        return 0 if flow is None else flow.doubt + sum(each.tally.unsure_bytes for each in flow.streams)

    def live(self, line: Line) -> int:
        """Streams that may move bytes still."""
        return len(self._streams(line))

    def clear_up(self, line: Line, most: int) -> int:
        """So much of what was in doubt did arrive: how much of it was in doubt."""
        flow = self._flows.get(line)
        if flow is None or flow.streams:
            return 0
        known = min(most, flow.doubt)
        flow.doubt -= known
        return known

    def _streams(self, line: Line) -> list[Watched]:
        flow = self._flows.get(line)
        return [] if flow is None else flow.streams

    def _count(self, day: int, line: Line, watched: Watched, now: float) -> None:
        moved = watched.moved()
        self._sums.add(day, line, watched.app, *moved)
        watched.paced(*moved, now)

    def _ended(self, watched: Watched, now: float) -> bool:
        if not watched.stream.over:
            return False
        if watched.over_at is None:
            watched.over_at = now
        return watched.tally.settled or now - watched.over_at >= LINGER_S
