"""Reading on, for ever: both streams of one app merged by time, and many apps at once."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from viscript.logs.bell import Bell, heard
from viscript.logs.lines import Cutter, Line
from viscript.logs.playhead import Playhead
from viscript.logs.tape import Tape

Key = TypeVar("Key")

POLL_S: Final = 0.25
PIECE_AFTER_S: Final = 0.5  # an unfinished line, a question say, is shown after so much silence
_TURN: Final = 256  # lines between two turns of the event loop


class Cursor(NamedTuple):
    """A place in an app's output: one offset a stream."""

    out: int = 0
    err: int = 0


class Follower:
    """Both streams of one app from a cursor on. Close it."""

    def __init__(self, tapes: tuple[Tape, ...], cursor: Cursor) -> None:
        starts = cursor._asdict()
        self._sides = [_Side(tape, starts[tape.stream]) for tape in tapes]

    def drain(self) -> Iterator[Line]:
        """The lines that are complete by now, in the order of their times; what comes meanwhile waits."""
        return heapq.merge(*[side.drain(side.tape.end()) for side in self._sides], key=_time)

    def flush(self) -> Iterator[Line]:
        """What waits for the end of its line."""
        for side in self._sides:
            yield from side.flush()

    @property
    def pending(self) -> int:
        """How many bytes wait for the end of their line."""
        return sum(side.pending for side in self._sides)

    def close(self) -> None:
        """Let go of the files."""
        for side in self._sides:
            side.close()


class _Side:
    """One stream: its playhead and its cutter."""

    def __init__(self, tape: Tape, start: int) -> None:
        self.tape = tape
        self._head = Playhead(tape, start)
        self._cutter = Cutter(tape.stream)

    @property
    def pending(self) -> int:
        return self._cutter.pending

    def drain(self, end: int) -> Iterator[Line]:
        while self._head.position < end:
            block = self._head.read()
            if block is None:
                return
            yield from self._cutter.feed(block.start, block.data, self._head.time_of)

    def flush(self) -> Iterator[Line]:
        yield from self._cutter.flush(self._head.time_of)

    def close(self) -> None:
        self._head.close()


async def follow_all(
    followers: Mapping[Key, Follower], bell: Bell | None, poll_s: float
) -> AsyncGenerator[tuple[Key, Line], None]:
    """The lines of many apps as they come, by time within each turn. Ends only by being closed."""
    quiet_s, waiting = 0.0, 0
    while True:
        ring = bell.listen() if bell is not None else None
        count = 0
        for count, (key, line) in enumerate(_merged(followers), 1):
            yield key, line
            if count % _TURN == 0:
                await asyncio.sleep(0)
        pending = sum(follower.pending for follower in followers.values())
        quiet_s = 0.0 if count or pending != waiting else quiet_s
        waiting = pending
        if count:
            continue
        if pending and quiet_s >= PIECE_AFTER_S:
            for key, follower in followers.items():
                for line in follower.flush():
                    yield key, line
        if not await heard(ring, poll_s):
            quiet_s += poll_s


def _merged(followers: Mapping[Key, Follower]) -> Iterator[tuple[Key, Line]]:
    return heapq.merge(*[_tagged(key, follower) for key, follower in followers.items()], key=_tagged_time)


def _tagged(key: Key, follower: Follower) -> Iterator[tuple[Key, Line]]:
    return ((key, line) for line in follower.drain())


def _time(line: Line) -> int:
    return line.time_ns


def _tagged_time(tagged: tuple[Key, Line]) -> int:
    return tagged[1].time_ns
