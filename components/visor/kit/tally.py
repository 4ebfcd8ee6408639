"""Bytes of one connection, while it lives: copied here, or carried by the visor."""

from __future__ import annotations

from components.visor.app import Handed


class Tally:
    """Bytes of one connection both ways, from the stream and to it.

    What the visor carries is counted as of the last `App.describe`.
    """

    def __init__(self) -> None:
        self._came = self._went = 0
        self.handed: Handed | None = None

    @property
    def incoming(self) -> int:
        """From the stream."""
        return self._came + (self.handed.received_bytes if self.handed else 0)

    @property
    def outgoing(self) -> int:
        """To the stream."""
        return self._went + (self.handed.sent_bytes if self.handed else 0)

    def came(self, count: int) -> None:
        """So many more came from the stream."""
        self._came += count

    def went(self, count: int) -> None:
        """So many more went to it."""
        self._went += count
