"""What happens in a chat, for those who follow it: bounded for each, and whoever lags is cut off.

Nothing is lost by that: texts have turns, and who comes back names the last one it knows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

LAG: Final = 1000
FOLLOWERS: Final = 64


class Crowded(Exception):
    """So many follow already."""


class Happened(NamedTuple):
    """`kind` is "row" (a text as `history` has it), "state" (of a text of ours) or "talks" (another room)."""

    kind: str
    data: dict[str, Any]  # Any: plain data
    turn: int = 0


class Follower:
    """What one of them has not taken yet."""

    def __init__(self) -> None:
        self._waiting: deque[Happened] = deque()
        self._came = asyncio.Event()
        self._is_cut = False

    def put(self, happened: Happened) -> None:
        """Tell it, unless it lags."""
        self._is_cut = self._is_cut or len(self._waiting) >= LAG
        if not self._is_cut:
            self._waiting.append(happened)
        self._came.set()

    async def next(self, within_s: float) -> Happened | None:
        """The next one, or None when there was none in time. Raises `EOFError` when it was cut off."""
        try:
            async with asyncio.timeout(within_s):
                while not self._waiting:
                    if self._is_cut:
                        raise EOFError("too slow")
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return None
        return self._waiting.popleft()


class Feed:
    """Tells all followers."""

    def __init__(self) -> None:
        self._followers: set[Follower] = set()

    def __len__(self) -> int:
        return len(self._followers)

    @contextmanager
    def following(self) -> Iterator[Follower]:
        """Follow inside the block. Raises `Crowded`."""
        if len(self._followers) >= FOLLOWERS:
            raise Crowded(f"{FOLLOWERS} programs and pages follow this chat already")
        follower = Follower()
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    def tell(self, happened: Happened) -> None:
        """To all."""
        for follower in self._followers:
            follower.put(happened)
