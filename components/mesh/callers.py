"""The control channels that are open behind one door, so many in all and so many of one key.

A key that opens one too many ends its oldest: that is most often one whose other end lost its power, and
nobody told us.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from components.mesh.channel import ControlChannel
from signal_bus.ids import PublicKey


class Callers:
    """Counts channels, and ends the oldest of a key."""

    def __init__(self, *, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._held: dict[PublicKey, list[ControlChannel]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))

    @property
    def full(self) -> bool:
        """Whether one more of anybody is too many."""
        return len(self) >= self._most

    @contextmanager
    def holding(self, channel: ControlChannel) -> Iterator[None]:
        """Count a channel inside the block."""
        held = self._held.setdefault(channel.peer, [])
        for old in held[: len(held) - self._each + 1]:
            old.end("a newer one took its place")
        held.append(channel)
        try:
            yield
        finally:
            held.remove(channel)
            if not held:
                del self._held[channel.peer]
