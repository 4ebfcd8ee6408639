"""A route's end at one link of this node: what came in goes on, and what may go out.

A route has two legs here where the node lies between, one where it is an end:

    link A --in_id-->  [leg A] ==queue==> [leg B] --out_id--> link B      between: each leg's `other` is set
    link A --in_id-->  [leg A] ==take/pull== consumer                     an end: its `consumer` is set

DATA frames keep their order and are counted by credit. The few small ones (keep-alive, handshake, ping,
pong, error) go before data that waits: only data carries units whose order matters. A credit frame speaks of
one leg and goes no further.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from components.mesh.frame import (
    CREDIT,
    HEADER,
    HEADER_BYTES,
    HOPS,
    LARGE_FROM,
    MAX_LARGE,
    FrameType,
    data_frame,
    write_data,
)
from components.visor.plane.credit import Allowed, Granted
from components.visor.plane.limits import SMALL_FRAMES

if TYPE_CHECKING:
    from components.visor.plane.link import Link
    from components.visor.plane.table import Route

FULL: Final = -1
TIGHT: Final = -1
CARRIES: Final = frozenset({int(FrameType.DATA), int(FrameType.LARGE)})  # units: in order, by credit
_WORTH_A_FRAME: Final = 4096  # an end does not cut its data finer where a record or the credit is nearly full
_pack_into: Final = HEADER.pack_into


class Consumer(Protocol):
    """The end of a route in this node: the ends' own encryption, streams, failover."""

    def take(self, type: int, payload: memoryview) -> None:
        """A frame for us (any type but close and credit); `payload` is valid during the call."""

    def pull(self, into: memoryview) -> int:
        """Write one DATA payload to the front of `into`; its size, 0 when there is nothing, `TIGHT` when
        what there is needs more room.

        After 0 it is asked again once it calls the leg's `wake`.
        """

    def closed(self, code: int) -> None:
        """The route is gone; its leg takes nothing any more."""


class Leg:
    """One route at one link. `deficit` and `waiting` belong to the link's schedule."""

    __slots__ = (
        "_hungry", "_queue", "_small", "allowed", "consumer", "credit_due", "deficit", "granted",
        "in_id", "link", "other", "out_id", "received_bytes", "route", "sent_bytes", "waiting",
    )  # fmt: skip

    def __init__(self, link: Link, in_id: int, out_id: int) -> None:
        self.link = link
        self.in_id = in_id
        self.out_id = out_id
        self.granted = Granted()
        self.allowed = Allowed()
        self.other: Leg | None = None
        self.consumer: Consumer | None = None
        self.route: Route
        self.deficit = 0
        self.waiting = False
        self.credit_due = False
        self.received_bytes = 0
        self.sent_bytes = 0
        self._small: deque[tuple[int, bytes]] = deque()
        self._queue: deque[bytes] = deque()  # whole frames
        self._hungry = False

    @property
    def queued_bytes(self) -> int:
        """What waits here to go out, without what a consumer holds."""
        return sum(len(whole) - HEADER_BYTES for whole in self._queue)

    # -- inwards

    def forward(self, kind: int, hops: int, payload: memoryview) -> None:
        """A frame that came by the other leg goes out here."""
        if kind == FrameType.DATA:
            self._queue.append(data_frame(hops, self.out_id, payload))
        elif len(self._small) < SMALL_FRAMES:
            self._small.append((hops << 4 | kind, bytes(payload)))
        else:
            return  # more pings than anybody needs
        self.link.busy(self)

    def passes(self, size: int, other: Leg) -> bool:
        """Whether a DATA frame that came in here goes out by the other leg at once; it is counted then.

        Nothing waits there before it, and both sides' credit holds.
        """
        allowed = other.allowed
        sent = allowed.sent + size
        if other._queue or other._small or sent > allowed.limit or not self.granted.take(size):
            return False
        allowed.sent = sent
        other.sent_bytes += size
        self.received_bytes += size
        if self.granted.done(size):
            self.link.credit(self)
        return True

    def taken(self, size: int) -> None:
        """DATA that came in here went on; the neighbour may get new credit."""
        if self.granted.done(size):
            self.link.credit(self)

    def told(self, limit: int) -> None:
        """The neighbour's credit frame."""
        if self.allowed.told(limit) and (self._queue or self._hungry):
            self.link.busy(self)

    def recalled(self, limit: int) -> None:
        """The neighbour wants its promise back."""
        self.link.tell(FrameType.RETURN, self.out_id, CREDIT.pack(self.allowed.recalled(limit)))
        if self._queue or self._hungry:
            self.link.busy(self)  # what waits may have to ask now

    # -- outwards

    def push(self, kind: FrameType, payload: bytes = b"") -> bool:
        """A small frame of this end; false when too many wait."""
        if len(self._small) >= SMALL_FRAMES:
            return False
        self._small.append((HOPS << 4 | kind, payload))
        self.link.busy(self)
        return True

    def wake(self) -> None:
        """The consumer has data."""
        self._hungry = True
        self.link.busy(self)

    def pull(self, into: memoryview, at: int, room: int) -> int:
        """Write one frame at `at`; its size, 0 when none may go now, `FULL` when `room` is too little."""
        if self._small:
            return self._pull_small(into, at, room)
        if self._queue:
            return self._pull_queued(into, at, room)
        return self._pull_own(into, at, room) if self._hungry else 0

    def _pull_small(self, into: memoryview, at: int, room: int) -> int:
        first, payload = self._small[0]
        size = HEADER_BYTES + len(payload)
        if size > room:
            return FULL
        self._small.popleft()
        _pack_into(into, at, first, self.out_id, len(payload))
        into[at + HEADER_BYTES : at + size] = payload
        return size

    def _pull_queued(self, into: memoryview, at: int, room: int) -> int:
        whole = self._queue[0]
        size = len(whole)
        count = size - HEADER_BYTES
        if count > self.allowed.room:
            return self._ask(count)
        if size > room:
            return FULL
        into[at : at + size] = whole
        self._went(count)
        return size

    def large(self) -> bytes | None:
        """The frame that goes next, where that is a large one: a record by itself, sealed as it lies."""
        if self._small or not self._queue:
            return None
        whole = self._queue[0]
        count = len(whole) - HEADER_BYTES
        if not LARGE_FROM <= count <= self.allowed.room:
            return None
        self._went(count)
        return whole

    def _went(self, count: int) -> None:
        """The first of the queue is on its way."""
        self._queue.popleft()
        self._sent(count)
        if self.other is not None:
            self.other.taken(count)

    def _pull_own(self, into: memoryview, at: int, room: int) -> int:
        allowed = self.allowed.room
        if allowed < _WORTH_A_FRAME:
            return 0
        most = min(allowed, room - HEADER_BYTES, MAX_LARGE)
        if most < _WORTH_A_FRAME:
            return FULL
        assert self.consumer is not None
        start = at + HEADER_BYTES
        count = self.consumer.pull(into[start : start + most])
        if count <= 0:
            return self._had_nothing(count, most < min(room - HEADER_BYTES, MAX_LARGE))
        write_data(into, at, self.out_id, count)
        self._sent(count)
        return HEADER_BYTES + count

    def _had_nothing(self, why: int, lacks_credit: bool) -> int:
        if why == TIGHT:
            return self._ask(MAX_LARGE) if lacks_credit else FULL
        self._hungry = False
        return 0

    def _ask(self, count: int) -> int:
        """So many bytes wait for credit; a wide window brings it by itself."""
        allowed = self.allowed
        if not allowed.wide and not allowed.asked:
            allowed.asked = True
            self.link.tell(FrameType.WANT, self.out_id, CREDIT.pack(allowed.sent + count))
        return 0

    def _sent(self, count: int) -> None:
        self.allowed.sent += count
        self.sent_bytes += count
        if self.granted.worth_telling:
            self.link.credit(self)

    def clear(self) -> None:
        """The route ended: nothing of it goes out any more."""
        self._small.clear()
        self._queue.clear()
        self._hungry = False
        self.credit_due = False
