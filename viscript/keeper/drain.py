"""Moves what an app writes into its log, a bounded piece a turn, and never lets it block.

The end of output is an empty pipe, never EOF: the keeper and the app both hold it open for reading and
writing. When the disk refuses a byte, output is read and dropped, counted, and the log tried again each
second; the app does not notice.
"""

import errno
import os
import select
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from viscript.keeper.segments import Segments

TURN_BYTES: Final = 256 * 1024
RETRY_S: Final = 1.0
LOOK_S: Final = 1.0  # how often the log is looked for where it should be
_BLOCK: Final = 128 * 1024

Move = Callable[[int, int, int, int], int]  # (source, file, offset in file, most bytes) -> bytes moved


class LostError(OSError):
    """The file refused bytes that had already left the source."""

    lost = 0


def copy(source: int, file: int, offset: int, most: int) -> int:
    """Read a block and write it at `offset`. Raises `LostError` when the file refuses what was read."""
    data = os.read(source, most)
    written = 0
    while written < len(data):
        try:
            count = os.pwrite(file, data[written:], offset + written)
        except OSError as exc:
            raise _lost(exc.errno or errno.EIO, len(data)) from exc
        if count == 0:
            raise _lost(errno.ENOSPC, len(data))
        written += count
    return len(data)


def _lost(number: int, count: int) -> LostError:
    error = LostError(number, os.strerror(number))
    error.lost = count
    return error


class Paused(NamedTuple):
    """The log took no more; `errno` says why."""

    errno: int


class Resumed(NamedTuple):
    """The log is written again; `lost` bytes are not in it."""

    lost: int


class Ended(NamedTuple):
    """The other side of a terminal is gone."""


Note = Paused | Resumed | Ended


class Drain:
    """One stream of one app: its source, its log, and what became of the bytes."""

    __slots__ = (
        "_look_at",
        "_lost_now",
        "_move",
        "_retry_at",
        "_wall_ns",
        "drained",
        "log",
        "lost",
        "source",
    )

    def __init__(
        self, source: int, log: Segments | None, move: Move, *, wall_ns: Callable[[], int] = time.time_ns
    ):
        self.source = source
        self.log = log
        self.drained = 0
        self.lost = 0
        self._move = move
        self._wall_ns = wall_ns
        self._lost_now = 0
        self._look_at = 0.0
        self._retry_at: float | None = None  # set while the log is paused

    @property
    def paused(self) -> bool:
        """Whether output is being dropped because the disk refused it."""
        return self._retry_at is not None

    @property
    def end(self) -> int:
        """The logical offset after the last byte in the log."""
        return self.log.end if self.log is not None else self.drained

    def pump(self, now: float, budget: int = TURN_BYTES) -> list[Note]:
        """Move what is there, at most `budget` bytes. Whoever calls finds the rest at the next turn."""
        notes: list[Note] = []
        while budget > 0:
            moved = self._step(now, min(budget, _BLOCK), notes)
            if moved == 0:
                break
            budget -= moved
        return notes

    def _step(self, now: float, most: int, notes: list[Note]) -> int:
        log = self.log
        if log is None:
            return self._drop(most, notes, counts=False)
        if self._retry_at is not None and now < self._retry_at:
            return self._drop(most, notes, counts=True)
        if log.fd < 0 and not is_readable(self.source):
            return 0  # a silent app gets no folder
        try:
            if now >= self._look_at:
                self._look_at = now + LOOK_S
                log.follow_folder()
            log.make_ready()
            moved = self._move(self.source, log.fd, log.position, min(most, log.room))
        except OSError as exc:
            if exc.errno in (errno.EAGAIN, errno.EINTR):
                return 0
            if exc.errno == errno.EIO and not isinstance(exc, LostError) and os.isatty(self.source):
                notes.append(Ended())
                return 0
            return self._refused(exc, now, most, notes)
        if moved == 0:
            return 0
        log.advance(moved, self._wall_ns())
        self.drained += moved
        if self._retry_at is not None:
            self._retry_at = None
            notes.append(Resumed(self._lost_now))
            self._lost_now = 0
        return moved

    def _refused(self, refused: OSError, now: float, most: int, notes: list[Note]) -> int:
        if self._retry_at is None:
            notes.append(Paused(refused.errno or errno.EIO))
        self._retry_at = now + RETRY_S
        gone = refused.lost if isinstance(refused, LostError) else 0
        self._count_lost(gone)
        return gone or self._drop(most, notes, counts=True)

    def _count_lost(self, count: int) -> None:
        self.lost += count
        self._lost_now += count

    def _drop(self, most: int, notes: list[Note], *, counts: bool) -> int:
        try:
            dropped = len(os.read(self.source, most))
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            notes.append(Ended())
            return 0
        self.drained += dropped
        if counts:
            self._count_lost(dropped)
        return dropped


def is_readable(source: int) -> bool:
    """Whether a read would not have to wait."""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    return bool(poll.poll(0))


class Watch:
    """Tells that a log has grown, at most once in a while."""

    INTERVAL_S: Final = 0.02

    def __init__(self) -> None:
        self._next = 0.0
        self._told = -1

    def due(self, end: int, now: float) -> bool:
        """Whether to tell of `end` now."""
        return self.is_behind(end) and now >= self._next

    def is_behind(self, end: int) -> bool:
        """Whether `end` is not told yet."""
        return end != self._told

    def told(self, end: int, now: float) -> None:
        """`end` was told."""
        self._told = end
        self._next = now + self.INTERVAL_S

    @property
    def next(self) -> float:
        """When it may be told again."""
        return self._next
