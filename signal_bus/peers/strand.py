"""One stream between two hosts, as one end keeps it. Pure: what is to be sent, what came, how much may come.

out       taken from the writer, not sent yet; at most OUT_BYTES, and only as credit allows
credit    bytes that may still be sent: WINDOW_BYTES at first, more as the other end takes some
inbox     come, and not read yet; at most WINDOW_BYTES, since no more was granted
owed      read, and not granted anew yet; granted in quarters of the window
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from signal_bus.peers.messages import (
    CHUNK_BYTES,
    WINDOW_BYTES,
    PeerClose,
    PeerCredit,
    PeerData,
    PeerOpen,
    StreamBody,
)

OUT_BYTES: Final = 64 << 10
GRANT_BYTES: Final = WINDOW_BYTES // 4
CLOSED: Final = "closed"  # the code of an orderly end


class Strand:
    """`wake` is called when something changed that a reader or writer may wait for."""

    def __init__(self, number: int, kind: str, meta: Mapping[str, str], *, ours: bool) -> None:
        self.number = number
        self.kind = kind
        self.meta = meta
        self.ours = ours
        self.wake: Callable[[], None] = _nobody
        self.changed: Callable[[Strand], None] = _nothing  # there may be something to send
        self.over = False  # nothing more is sent or taken
        self.ended = False  # nothing more comes
        self.fault: Exception | None = None
        self._announced = not ours
        self._out = bytearray()
        self._credit = WINDOW_BYTES
        self._inbox = bytearray()  # one piece: however small the pieces were, it takes no more than they
        self._owed = 0
        self._leaving: tuple[str, str] | None = None
        self._left = False

    # Its reader and writer.

    @property
    def room(self) -> int:
        """Bytes the writer may hand over now."""
        return max(0, OUT_BYTES - len(self._out))

    @property
    def drained(self) -> bool:
        """Whether all that was handed over is sent, or never will be; the end may still have to be."""
        return self.over or not self._out

    @property
    def flushed(self) -> bool:
        """Whether all that was handed over, and the end, is sent, or never will be."""
        return self.over or (not self._out and (self._leaving is None or self._left))

    def put(self, data: bytes) -> int:
        """Take of `data` what there is room for; how much that was."""
        taken = min(self.room, len(data))
        self._out += data[:taken]
        self.changed(self)
        return taken

    def take(self) -> bytes:
        """All that came and was not read yet."""
        data = bytes(self._inbox)
        self._inbox.clear()
        self._owed += len(data)
        if self._owed >= GRANT_BYTES:
            self.changed(self)
        return data

    def leave(self, code: str = "", text: str = "") -> None:
        """Nothing is handed over any more; with a code, nothing is taken either, once all is sent."""
        if self._leaving is None or (code and not self._leaving[0]):
            self._leaving = (code, text)
            self._left = False
            self.changed(self)

    def cut(self, code: str, text: str) -> None:
        """Leave at once: what was not sent is dropped."""
        self._out.clear()
        if not self._left or not (self._leaving and self._leaving[0]):
            self._leaving, self._left = (code, text), False
            self.changed(self)

    def fail(self, fault: Exception) -> None:
        """The way to the other end is gone."""
        if not self.over:
            self.fault = self.fault or fault
            self.finish()

    def finish(self) -> None:
        """It is over: wake whoever waits."""
        self.over = self.ended = True
        self._out.clear()
        self.wake()

    # Its messages.

    def next(self) -> StreamBody | None:
        """What to send next, if anything."""
        if self.over:
            return None
        if not self._announced:
            return PeerOpen(stream=self.number, kind=self.kind, meta=dict(self.meta))
        if self._owed >= GRANT_BYTES and not self.ended:
            return PeerCredit(stream=self.number, bytes=min(self._owed, WINDOW_BYTES))
        if self._out and self._credit:
            size = min(CHUNK_BYTES, self._credit)
            return PeerData(stream=self.number, data=bytes(self._out[:size]))
        if self._leaving is not None and not self._left and not self._out:
            code, text = self._leaving
            return PeerClose(stream=self.number, code=code, text=text)
        return None

    def sent(self, body: StreamBody) -> None:
        """What `next` gave was sent."""
        if isinstance(body, PeerOpen):
            self._announced = True
        elif isinstance(body, PeerCredit):
            self._owed -= body.bytes
        elif isinstance(body, PeerData):
            del self._out[: len(body.data)]
            self._credit -= len(body.data)
            self.wake()
        else:
            self._left = True
            self._may_be_over(body.code)

    def granted(self, size: int) -> bool:
        """More may be sent; false when that is more than was ever used."""
        self._credit += size
        self.changed(self)
        return self._credit <= WINDOW_BYTES

    def came(self, data: bytes) -> bool:
        """Bytes from the other end; false when they were not granted or come after its end."""
        if self.ended or len(self._inbox) + len(data) + self._owed > WINDOW_BYTES:
            return False
        self._inbox += data
        self.wake()
        return True

    def closed(self, code: str, fault: Exception) -> None:
        """The other end sends no more; with a code it takes no more either."""
        self.ended = True
        if code:
            self.fault = None if code == CLOSED else fault
            self.finish()
        else:
            self._may_be_over("")
            self.wake()

    def _may_be_over(self, code: str) -> None:
        if code or (self._left and self.ended):
            self.finish()


def _nobody() -> None:
    """Nobody waits yet."""


def _nothing(_strand: Strand) -> None:
    """It belongs to no link yet."""
