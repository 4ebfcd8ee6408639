"""What an app wrote, line by line: the last ones, those since a moment, and those to come."""

from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, closing
from heapq import merge
from typing import Literal, TypeVar

from viscript.keeper.segments import ERR, OUT
from viscript.logs.bell import Bell
from viscript.logs.follower import POLL_S, Cursor, Follower, follow_all
from viscript.logs.lines import Line
from viscript.logs.tape import Tape

Key = TypeVar("Key")


class LogReader:
    """The log folder of one app. Holds nothing open between calls; a missing folder is an empty one."""

    def __init__(self, folder: str, stream: Literal["all", "out", "err"] = "all") -> None:
        self._tapes = tuple(Tape(folder, one) for one in (OUT, ERR) if stream in ("all", one))

    def oldest(self) -> Cursor:
        """The place of the first line that is still there."""
        return self._cursor({tape.stream: tape.oldest() for tape in self._tapes})

    def newest(self) -> Cursor:
        """The place behind the last line."""
        return self._cursor({tape.stream: tape.end() for tape in self._tapes})

    def at_time(self, seconds: float) -> Cursor:
        """The place of the first line since a time, in seconds since the epoch."""
        time_ns = int(seconds * 1_000_000_000)
        return self._cursor({tape.stream: tape.at_time(time_ns) for tape in self._tapes})

    def before_last(self, count: int) -> Cursor:
        """The place of the last `count` lines of both streams together."""
        starts = {tape.stream: tape.before_last(count) for tape in self._tapes}
        newest = self.newest()._asdict()
        if any(starts[stream] == newest[stream] for stream in starts):
            return self._cursor(starts)
        kept = deque(self.read(self._cursor(starts)), maxlen=count)
        starts = newest | {line.stream: line.start for line in reversed(kept)}
        return self._cursor(starts)

    def read(self, cursor: Cursor | None = None) -> Iterator[Line]:
        """The lines from a cursor (or the first) to the present end, by time; an unfinished one last."""
        with closing(self.follower(cursor or self.oldest())) as follower:
            yield from follower.drain()
            yield from follower.flush()

    def last(self, count: int) -> list[Line]:
        """The last lines, oldest first."""
        return list(self.read(self.before_last(count)))[-count:] if count > 0 else []

    def since(self, seconds: float) -> Iterator[Line]:
        """The lines since a time, in seconds since the epoch."""
        return self.read(self.at_time(seconds))

    async def follow(
        self, cursor: Cursor | None = None, *, bell: Bell | None = None, poll_s: float = POLL_S
    ) -> AsyncGenerator[Line, None]:
        """The lines from a cursor (or the present end) on, as they come. Ends only by being closed."""
        async with aclosing(follow_many({0: self}, {0: cursor}, bell=bell, poll_s=poll_s)) as lines:
            async for _, line in lines:
                yield line

    def follower(self, cursor: Cursor) -> Follower:
        """Reading on from a cursor; to be closed."""
        return Follower(self._tapes, cursor)

    @staticmethod
    def _cursor(places: Mapping[str, int]) -> Cursor:
        return Cursor(**places)


def read_many(readers: Mapping[Key, LogReader], cursors: Mapping[Key, Cursor]) -> Iterator[tuple[Key, Line]]:
    """The lines of many apps up to now, by time."""

    def tagged(key: Key) -> Iterator[tuple[Key, Line]]:
        return ((key, line) for line in readers[key].read(cursors.get(key)))

    return merge(*[tagged(key) for key in readers], key=lambda one: one[1].time_ns)


async def follow_many(
    readers: Mapping[Key, LogReader],
    cursors: Mapping[Key, Cursor | None],
    *,
    bell: Bell | None = None,
    poll_s: float = POLL_S,
) -> AsyncGenerator[tuple[Key, Line], None]:
    """The lines of many apps as they come, each app from its cursor (or its present end) on."""
    followers = {key: reader.follower(cursors.get(key) or reader.newest()) for key, reader in readers.items()}
    try:
        async with aclosing(follow_all(followers, bell, poll_s)) as lines:
            async for key, line in lines:
                yield key, line
    finally:
        for follower in followers.values():
            follower.close()
