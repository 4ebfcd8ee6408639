"""One stream of one app as an endless tape of bytes, addressed by how many came before.

The keeper writes it in segments (`viscript.keeper.segments` holds their form); they end at any byte and the
oldest ones vanish. Nobody above this file sees either.
"""
# Paths stay text here: a follower asks for sizes all the time.
# ruff: noqa: PTH116

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from viscript.keeper.segments import file_name, segments_in
from viscript.logs.index import Index
from viscript.logs.lines import LINE_MAX

BLOCK: Final = 64 * 1024
_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Tape:
    """Where the tape begins and ends, and places on it. A segment goes by the offset of its first byte."""

    def __init__(self, folder: str, stream: str) -> None:
        self.folder = folder
        self.stream = stream

    def segments(self) -> list[int]:
        """What is there now, oldest first."""
        try:
            return segments_in(self.folder, self.stream)
        except OSError:
            return []

    def oldest(self) -> int:
        """The offset of the first byte that is still there."""
        return next(iter(self.segments()), 0)

    def end(self) -> int:
        """The offset behind the newest byte."""
        segments = self.segments()
        return segments[-1] + self._size(segments[-1]) if segments else 0

    def open(self, segment: int) -> int | None:
        """A descriptor of its bytes; None when it is gone or no file."""
        try:
            return os.open(self._path(segment, "log"), _OPEN)
        except OSError:
            return None

    def index(self, segment: int) -> Index:
        """Its index, to be closed; one that knows nothing where there is no file."""
        return Index(self._path(segment, "idx"))

    def back(self, position: int) -> Iterator[tuple[int, bytes]]:
        """(offset, bytes) before `position`, newest block first, as far back as there are any."""
        for segment in reversed(self.segments()):
            stop = min(position - segment, self._size(segment))
            descriptor = self.open(segment) if stop > 0 else None
            if descriptor is None:
                continue
            try:
                while stop > 0:
                    start = max(0, stop - BLOCK)
                    yield segment + start, os.pread(descriptor, stop - start, start)
                    stop = start
            except OSError:  # a folder with the name of a segment
                continue
            finally:
                os.close(descriptor)

    def line_start(self, position: int) -> int:
        """The start of the line that the byte at `position` belongs to."""
        for start, block in self.back(position):
            newline = block.rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            if position - start >= LINE_MAX:
                return start
        return min(position, self.oldest())

    def before_last(self, count: int) -> int:
        """The offset where the last `count` lines begin; a line without end counts as one."""
        end = self.end()
        if count <= 0:
            return end
        for start, block in self.back(end):
            stop = len(block)
            if start + stop == end:  # the newest line's own end
                stop -= block.endswith(b"\n")
            here = block.count(b"\n", 0, stop)
            if here >= count:
                return start + _nth_last(block, stop, count) + 1
            count -= here
        return self.oldest()

    def at_time(self, time_ns: int) -> int:
        """The start of the first line complete at or after that time; in doubt an earlier one."""
        for segment in self.segments():
            if self._changed(segment) < time_ns:
                continue
            with closing(self.index(segment)) as index:
                start = max(segment, index.start_since(time_ns))
            if start < segment + self._size(segment):
                return self.line_start(start)
        return self.end()

    def _changed(self, segment: int) -> int:
        try:
            return os.stat(self._path(segment, "log"), follow_symlinks=False).st_mtime_ns
        except OSError:
            return 0

    def _size(self, segment: int) -> int:
        try:
            return os.stat(self._path(segment, "log"), follow_symlinks=False).st_size
        except OSError:
            return 0

    def _path(self, segment: int, kind: str) -> str:
        return f"{self.folder}/{file_name(segment, self.stream, kind)}"


def _nth_last(block: bytes, stop: int, count: int) -> int:
    """The place of the `count`-th newline from the right before `stop`."""
    for _ in range(count):
        stop = block.rfind(b"\n", 0, stop)
    return stop
