"""A place on a tape that moves forward. It keeps its segment open, so that rotation cannot take it away."""

import os
from typing import Final, NamedTuple

from viscript.logs.index import Index
from viscript.logs.tape import BLOCK, Tape

_TRIES: Final = 8  # segments may vanish between the listing and the opening


class Block(NamedTuple):
    """Bytes of the tape; `start` jumps where older bytes were already gone."""

    start: int
    data: bytes


class _Open(NamedTuple):
    """The segment a playhead is in."""

    base: int
    descriptor: int
    times: Index


class Playhead:
    """Reads on from `position`. Close it."""

    def __init__(self, tape: Tape, position: int) -> None:
        self.position = position
        self._tape = tape
        self._open: _Open | None = None

    def read(self, size: int = BLOCK) -> Block | None:
        """The next bytes; None when there are none yet."""
        for _ in range(_TRIES):
            segment = self._open or self._enter()
            if segment is None:
                return None
            block = self._take(segment, size)
            if block is not None:
                return block
            following = [base for base in self._tape.segments() if base > segment.base]
            # What was written between the look at the bytes and the look at the folder comes first.
            block = self._take(segment, size)
            if block is not None or not following:
                return block
            self.close()
            self.position = max(self.position, following[0])
        return None

    def time_of(self, end: int) -> int:
        """When the byte before `end`, in the block last read, arrived: nanoseconds since the epoch."""
        if self._open is None:
            return 0
        known = self._open.times.time_of(end)
        return known if known is not None else os.fstat(self._open.descriptor).st_mtime_ns

    def close(self) -> None:
        """Let go of the files; a later read opens them again."""
        if self._open is not None:
            os.close(self._open.descriptor)
            self._open.times.close()
            self._open = None

    def _enter(self) -> _Open | None:
        """Open the segment that holds the position, or the first one after it."""
        for _ in range(_TRIES):
            segments = self._tape.segments()
            if not segments:
                return None
            base = max((base for base in segments if base <= self.position), default=segments[0])
            descriptor = self._tape.open(base)
            if descriptor is not None:
                self.position = max(self.position, base)
                self._open = _Open(base, descriptor, self._tape.index(base))
                return self._open
        return None

    def _take(self, segment: _Open, size: int) -> Block | None:
        try:
            data = os.pread(segment.descriptor, size, self.position - segment.base)
        except OSError:  # a folder with the name of a segment
            return None
        if not data:
            return None
        block = Block(self.position, data)
        self.position += len(data)
        return block
