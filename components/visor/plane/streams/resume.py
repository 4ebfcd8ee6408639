"""The body of RESUME: what a side has of each stream, and what it grants. Pure. Layout: `plane.unit`."""

from collections.abc import Callable, Iterator
from enum import IntFlag
from struct import Struct, error
from typing import Final

from components.visor.plane.streams.errors import UnitError
from components.visor.plane.unit import HEADER, Kind, write_head

_HEAD: Final = Struct("!BI")
_ENTRY: Final = Struct("!IQQ")
HEAD_SIZE: Final = _HEAD.size
ENTRY_SIZE: Final = _ENTRY.size

# Next byte expected and limit of a stream; None when there is nothing to say of it.
EntryOf = Callable[[int], tuple[int, int] | None]


class Flag(IntFlag):
    """The first byte of the body."""

    DEAD = 1
    LAST = 2
    FOLLOWED = 4


class Resume:
    """A RESUME that goes out in as many parts as it needs."""

    def __init__(self, left: int, flags: int, move: int, streams: list[int]) -> None:
        self._left = left
        self._flags = flags
        self._move = move
        self._streams = streams  # ids, the last one first

    def write(self, into: memoryview, entry_of: EntryOf) -> tuple[int, bool]:
        """Write the next part: its length, and whether it is the last one."""
        at = HEADER + HEAD_SIZE
        while self._streams and at + ENTRY_SIZE <= len(into):
            stream = self._streams.pop()
            entry = entry_of(stream)
            if entry is not None:
                _ENTRY.pack_into(into, at, stream, *entry)
                at += ENTRY_SIZE
        last = not self._streams
        write_head(into, Kind.RESUME, 0, self._left)
        _HEAD.pack_into(into, HEADER, self._flags | (Flag.LAST if last else 0), self._move)
        return at, last


def read_resume(body: memoryview) -> tuple[int, int]:
    """Flags, and count of moves."""
    flags, move = _HEAD.unpack_from(body)
    return flags, move


def entries(body: memoryview) -> Iterator[tuple[int, int, int]]:
    """Stream, next byte expected and limit of each entry; raises `UnitError` for a torn one."""
    try:
        yield from _ENTRY.iter_unpack(body[HEAD_SIZE:])
    except error as exc:
        raise UnitError(f"a RESUME of {len(body)} bytes ends inside an entry") from exc
