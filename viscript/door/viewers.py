"""Who views which app, so that `detach` can end them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Viewers:
    """The attached connections by app."""

    def __init__(self) -> None:
        self._leave: dict[int, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def viewing(self, seq: int) -> Iterator[asyncio.Event]:
        """Be a viewer; the event tells to leave."""
        leave = asyncio.Event()
        self._leave[seq].add(leave)
        try:
            yield leave
        finally:
            self._leave[seq].discard(leave)
            if not self._leave[seq]:
                del self._leave[seq]

    def count(self, seq: int) -> int:
        """How many view an app."""
        return len(self._leave.get(seq, ()))

    def detach(self, seq: int) -> int:
        """Tell all viewers of an app to leave; how many there were."""
        there = self._leave.get(seq, set())
        for leave in there:
            leave.set()
        return len(there)
