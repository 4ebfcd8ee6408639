"""Bytes of a stream between two offsets, in buffers used again and again. Pure.

The sender keeps here what is not yet acknowledged, the receiver what its app has not yet taken.
Buffers have three sizes, so that a stream of small messages does not hold 64 KiB for each.
"""

from collections import deque
from typing import Final

from components.visor.plane.streams.limits import (
    HUGE_BUFFER,
    LARGE_BUFFER,
    SMALL_BUFFER,
    SPARE_HUGE,
    SPARE_LARGE,
    SPARE_SMALL,
)

_SPARE: Final = {SMALL_BUFFER: SPARE_SMALL, LARGE_BUFFER: SPARE_LARGE, HUGE_BUFFER: SPARE_HUGE}


class Pool:
    """Buffers that wait for their next use. Who takes one gives it back."""

    def __init__(self) -> None:
        self._spare: dict[int, list[memoryview]] = {size: [] for size in _SPARE}
        self.scratch = memoryview(bytearray(HUGE_BUFFER))  # for what nobody keeps beyond a call

    def take(self, size: int) -> memoryview:
        """A buffer of `size`, which is one of the three; what it holds is old."""
        spare = self._spare[size]
        return spare.pop() if spare else memoryview(bytearray(size))

    def give(self, buffer: memoryview) -> None:
        """Have it used again; nobody may look at it any more."""
        size = len(buffer)
        spare = self._spare[size]
        if len(spare) < _SPARE[size]:
            spare.append(buffer)


class _Chunk:
    """A buffer, the offset of its first byte, and how many bytes of it are filled."""

    __slots__ = ("base", "buffer", "filled")

    def __init__(self, buffer: memoryview, base: int) -> None:
        self.buffer = buffer
        self.base = base
        self.filled = 0

    def copy(self, at: int, into: memoryview) -> int:
        """Copy what lies here from offset `at` on, as much as fits; says how much that was."""
        skip = at - self.base
        count = min(self.filled - skip, len(into))
        into[:count] = self.buffer[skip : skip + count]
        return count


class Store:
    """The bytes from `start` to `end` of one stream."""

    __slots__ = ("_chunks", "_pool", "capacity", "end", "start")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._chunks: deque[_Chunk] = deque()
        self.start = 0
        self.end = 0
        self.capacity = 0  # bytes of the buffers held

    def __len__(self) -> int:
        return self.end - self.start

    def tail_room(self) -> int:
        """Bytes that fit behind the last one without another buffer."""
        if not self._chunks:
            return 0
        tail = self._chunks[-1]
        return len(tail.buffer) - tail.filled

    def grow(self, size: int) -> None:
        """Put an empty buffer of `size` at the end."""
        self._chunks.append(_Chunk(self._pool.take(size), self.end))
        self.capacity += size

    def space(self, most: int) -> memoryview:
        """Where the next bytes go: at most `most`; call `commit` with what was written."""
        tail = self._chunks[-1]
        return tail.buffer[tail.filled : tail.filled + most]

    def commit(self, count: int) -> None:
        """`count` bytes were written where `space` said."""
        self._chunks[-1].filled += count
        self.end += count

    def trim(self) -> int:
        """Give back a last buffer that holds nothing; says how many bytes of buffers came free."""
        if not self._chunks or self._chunks[-1].filled:
            return 0
        size = len(self._chunks[-1].buffer)
        self._give(self._chunks.pop())
        return size

    def append(self, data: memoryview) -> None:
        """Copy `data` behind the last byte."""
        while data:
            room = self.tail_room()
            if not room:
                self.grow(SMALL_BUFFER if len(data) <= SMALL_BUFFER else LARGE_BUFFER)
                room = self.tail_room()
            piece = data[:room]
            self.space(len(piece))[:] = piece
            self.commit(len(piece))
            data = data[room:]

    def front(self) -> memoryview:
        """The first bytes, as many as lie together."""
        head = self._chunks[0]
        return head.buffer[self.start - head.base : head.filled]

    def copy(self, at: int, into: memoryview) -> int:
        """Copy what lies from offset `at` on, as much as fits; says how much that was."""
        tail = self._chunks[-1]
        if at >= tail.base:  # the common case: what was just read
            return tail.copy(at, into)
        done = 0
        for chunk in self._chunks:
            if chunk.base + chunk.filled > at + done:
                done += chunk.copy(at + done, into[done:])
        return done

    def drop_to(self, offset: int) -> int:
        """Forget all before `offset`, which is at most `end`; says how many bytes of buffers came free."""
        before = self.capacity
        self.start = offset
        while self._chunks and self._chunks[0].base + self._chunks[0].filled <= offset:
            self._give(self._chunks.popleft())
        return before - self.capacity

    def clear(self) -> int:
        """Forget all; says how many bytes of buffers came free."""
        return self.drop_to(self.end)

    def _give(self, chunk: _Chunk) -> None:
        self.capacity -= len(chunk.buffer)
        self._pool.give(chunk.buffer)

    def skip_to(self, offset: int) -> None:
        """Begin at `offset`; only when empty."""
        self.start = self.end = offset
