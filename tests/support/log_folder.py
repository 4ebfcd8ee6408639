"""A log folder as the keeper writes it, by the keeper's own writer."""

import os
from pathlib import Path

from viscript.keeper.segments import Segments

SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND


class LogFolder:
    """Writes output of one app; each `write` is one block, one second after the one before."""

    def __init__(
        self, folder: Path, *, max_bytes: int = 1 << 20, backups: int = 5, stream: str = "out"
    ) -> None:
        self.path = str(folder)
        self.now_ns = START_NS
        self._segments = Segments(self.path, stream, max_bytes=max_bytes, backups=backups)

    def write(self, data: bytes, *, at_ns: int | None = None) -> None:
        """Put bytes at the end, rotating wherever a segment is full."""
        self.now_ns = self.now_ns + SECOND if at_ns is None else at_ns
        while data:
            self._segments.make_ready()
            part = data[: self._segments.room]
            os.pwrite(self._segments.fd, part, self._segments.position)
            self._segments.advance(len(part), self.now_ns)
            data = data[len(part) :]

    def close(self) -> None:
        """Close the files."""
        self._segments.close()


def numbered(first: int, behind: int) -> bytes:
    """Lines with the numbers from `first` up to but not including `behind`."""
    return b"".join(b"line %06d\n" % number for number in range(first, behind))
