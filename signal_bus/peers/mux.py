"""All streams of one link. Pure: messages in, messages out in fair turns.

Each end numbers the streams it opens, one odd, one even, always rising; a number is never used again on a
link, so what comes late for a stream that is over can be told from nonsense and is passed over. A peer
that breaks the rules ends the link (`Broken`); one that asks for too much is refused that stream only.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Final

from signal_bus.errors import Busy, PeerError, RemoteError
from signal_bus.peers.messages import PeerClose, PeerCredit, PeerData, PeerOpen, StreamBody
from signal_bus.peers.strand import Strand

STREAMS_MAX: Final = 64  # that one end opened and are not over
TURN_MESSAGES: Final = 64  # sent at a stretch


class Broken(PeerError):
    """The other host does not keep to the rules of streams."""


class Mux:
    """`first` is 1 or 2: the number of the first stream this end opens."""

    def __init__(self, first: int) -> None:
        self.on_ready: Callable[[], None] = _nothing  # there is something to send
        self._next = first
        self._last_heard = 0
        self._strands: dict[int, Strand] = {}
        self._ready: OrderedDict[int, Strand] = OrderedDict()
        self._refusals: deque[PeerClose] = deque()
        self._first = first

    def __len__(self) -> int:
        return len(self._strands)

    def open(self, kind: str, meta: Mapping[str, str]) -> Strand:
        """A new stream of ours. Raises `Busy` when there are too many."""
        if self._count(ours=True) >= STREAMS_MAX:
            raise Busy("streams to this host", STREAMS_MAX)
        strand = Strand(self._next, kind, meta, ours=True)
        self._next += 2
        self._add(strand)
        self._mark(strand)
        return strand

    def feed(self, body: StreamBody) -> Strand | None:
        """Take a message; the stream that it opened, if so. Raises `Broken`."""
        if isinstance(body, PeerOpen):
            return self._opened(body)
        strand = self._strands.get(body.stream)
        if strand is None:
            self._late(body.stream)
            return None
        if isinstance(body, PeerData):
            if not strand.came(body.data):
                raise Broken(f"stream {body.stream}: {len(body.data)} bytes that were not granted")
        elif isinstance(body, PeerCredit):
            if not strand.granted(body.bytes):
                raise Broken(f"stream {body.stream}: credit for bytes that were never sent")
        else:
            strand.closed(body.code, RemoteError(body.code, body.text))
        self._tidy(strand)
        return None

    def pump(self, send: Callable[[StreamBody], bool]) -> bool:
        """Send what may be sent, a message a stream in turn; false when `send` takes no more now."""
        for _ in range(TURN_MESSAGES):
            if self._refusals:
                if not send(self._refusals[0]):
                    return False
                self._refusals.popleft()
            elif self._ready:
                if not self._turn(send):
                    return False
            else:
                return True
        if self._ready or self._refusals:
            self.on_ready()
        return True

    def fail(self, fault: Exception) -> None:
        """The link is gone: every stream ends with `fault`."""
        strands, self._strands = self._strands, {}
        self._ready.clear()
        self._refusals.clear()
        for strand in strands.values():
            strand.fail(fault)

    def _turn(self, send: Callable[[StreamBody], bool]) -> bool:
        number, strand = self._ready.popitem(last=False)
        body = strand.next()
        if body is None:
            self._tidy(strand)
            return True
        if not send(body):
            self._ready[number] = strand
            self._ready.move_to_end(number, last=False)
            return False
        strand.sent(body)
        self._ready[number] = strand
        self._tidy(strand)
        return True

    def _opened(self, body: PeerOpen) -> Strand | None:
        if body.stream % 2 == self._first % 2 or body.stream <= self._last_heard:
            raise Broken(f"stream {body.stream} is not the other end's to open")
        self._last_heard = body.stream
        if self._count(ours=False) >= STREAMS_MAX:
            if len(self._refusals) >= STREAMS_MAX:
                raise Broken("it opens streams and does not read that they are refused")
            self._refusals.append(
                PeerClose(stream=body.stream, code="busy", text=f"{STREAMS_MAX} streams are open")
            )
            self.on_ready()
            return None
        strand = Strand(body.stream, body.kind, body.meta, ours=False)
        self._add(strand)
        return strand

    def _late(self, number: int) -> None:
        """Something for a stream there is not. Raises `Broken` when there never was one."""
        known = number < self._next if number % 2 == self._first % 2 else number <= self._last_heard
        if not known:
            raise Broken(f"stream {number} was never opened")

    def _add(self, strand: Strand) -> None:
        self._strands[strand.number] = strand
        strand.changed = self._mark

    def _mark(self, strand: Strand) -> None:
        if strand.number in self._strands and strand.number not in self._ready:
            self._ready[strand.number] = strand
            self.on_ready()

    def _tidy(self, strand: Strand) -> None:
        if strand.over:
            self._strands.pop(strand.number, None)
            self._ready.pop(strand.number, None)

    def _count(self, *, ours: bool) -> int:
        return sum(strand.ours is ours for strand in self._strands.values())


def _nothing() -> None:
    """No link sends for it yet."""
