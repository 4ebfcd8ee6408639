"""Lines, and how they are cut from blocks of bytes. Pure."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

LINE_MAX: Final = 256 * 1024  # a longer line comes in pieces


class Line(NamedTuple):
    """A line or a piece of one. Joined in order, `raw` is what the app wrote, byte for byte."""

    stream: str  # "out" (both, where they are merged) or "err"
    start: int
    time_ns: int
    raw: bytes

    @property
    def end(self) -> int:
        """The offset behind it: where reading goes on."""
        return self.start + len(self.raw)

    @property
    def whole(self) -> bool:
        """Whether the line ends here."""
        return self.raw.endswith(b"\n")

    @property
    def text(self) -> str:
        """The line without its end; bytes that are not UTF-8 are replaced."""
        return self.raw.removesuffix(b"\n").removesuffix(b"\r").decode(errors="replace")


class Cutter:
    """Feed it blocks of one stream in order; it gives lines and keeps the rest for the next block."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._rest = b""
        self._rest_start = 0

    @property
    def pending(self) -> int:
        """How many bytes wait for the end of their line."""
        return len(self._rest)

    def feed(self, start: int, data: bytes, time_of: Callable[[int], int]) -> Iterator[Line]:
        """Take the bytes at `start`; `time_of` tells when the byte before an offset arrived.

        A block can hold as many lines as bytes, so they are made one by one. Take all of them.
        """
        if self._rest and start != self._rest_start + len(self._rest):  # bytes between are gone
            yield from self.flush(time_of)
        if self._rest:
            start, data = self._rest_start, self._rest + data
        *whole, rest = data.split(b"\n")
        self._rest, self._rest_start = rest, start + len(data) - len(rest)
        for body in whole:
            end = start + len(body) + 1
            yield Line(self._stream, start, time_of(end), body + b"\n")
            start = end
        if len(rest) >= LINE_MAX:
            yield from self.flush(time_of)

    def flush(self, time_of: Callable[[int], int]) -> list[Line]:
        """Give what waits, although its line has not ended."""
        if not self._rest:
            return []
        end = self._rest_start + len(self._rest)
        piece = Line(self._stream, self._rest_start, time_of(end), self._rest)
        self._rest, self._rest_start = b"", end
        return [piece]
