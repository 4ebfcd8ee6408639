"""One link: a socket to a neighbour, its record keys, and what waits to go out.

Nothing is queued that need not be: a record is built from what the routes have when the socket takes one, at
the end of the loop's turn, so that the small frames of all routes share it.

    readable   recv_into -> records -> frames -> router
    busy       flush at the end of the turn: urgent frames, credit, then routes in turn -> one record -> send
    writable   the rest of a record, then the next one
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Final

from components.mesh.buffers import blank
from components.mesh.errors import MeshError
from components.mesh.frame import CREDIT, FrameType, frame
from components.mesh.record import MAX_PLAIN, MAX_RECORD, Opener, RecordReader, Sealer
from components.visor.plane.leg import FULL, Leg
from components.visor.plane.limits import (
    PING_S,
    PINGS_MISSED,
    PROBE_S,
    READS_A_TURN,
    SENDS_A_TURN,
    STRANGERS_A_S,
    URGENT_BYTES,
)
from components.visor.plane.loop import Loop
from components.visor.plane.schedule import Schedule
from components.visor.plane.table import LINK_ROUTE
from signal_bus.ids import PublicKey

if TYPE_CHECKING:
    from components.visor.plane.router import Router

log = logging.getLogger(__name__)

_OURS: Final = "a fault of this node ends a link peer=%s"
_FAULT: Final = "a fault of this node; its log says more"
_STAMP: Final = Struct(">d")
_LEAST_ROOM: Final = 64  # of a record, for one more frame
_OUT_BYTES: Final = 2 * MAX_RECORD  # sent by one call
_LAST_START: Final = _OUT_BYTES - MAX_RECORD  # behind it no record begins


class Link:
    """A link that is up. `close` or a fault ends it; then `ended` is called once with the reason."""

    def __init__(
        self,
        number: int,
        peer: PublicKey,
        sock: socket.socket,
        sealer: Sealer,
        opener: Opener,
        router: Router,
        ended: Callable[[Link, str], None],
    ) -> None:
        """`sock` is connected and non-blocking, its handshake done; the link owns it from now on."""
        self.number = number
        self.peer = peer
        self.legs: dict[int, Leg] = {}
        self.sent_bytes = self.received_bytes = 0
        self.rtt_s: float | None = None
        self.strangers = 0
        self._sock = sock
        self._loop: Loop = router.loop
        self._sealer = sealer
        self._reader = RecordReader(opener)
        self._router = router
        self._ended = ended
        self._schedule: Schedule[Leg] = Schedule()
        self._urgent: deque[bytes] = deque()
        self._urgent_bytes = 0
        self._credits: deque[Leg] = deque()
        self._plain = blank(MAX_PLAIN)
        self._out = blank(_OUT_BYTES)
        self._from = self._to = 0  # what is sealed and not sent yet
        self._full = False  # the socket takes no more for now
        self._flushing = False
        self._closed = False
        self._heard = self._pinged = self._loop.time()
        self._missed = 0
        self._asked_at = self._heard
        self._answers_left = STRANGERS_A_S
        self._proved: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"Link({self.number}, {self.peer.hex()[:8]})"

    def start(self, leftover: bytes = b"") -> None:
        """Begin; `leftover` came behind the handshake."""
        if self._sock.family != socket.AF_UNIX:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sealer.tick(self._loop.time())
        self._loop.add_reader(self._sock.fileno(), self._readable)
        self._ask(self._loop.time())
        if leftover:
            self._guarded(lambda: self._feed(leftover))

    # -- what routes and the router ask

    def busy(self, leg: Leg) -> None:
        """A route has something to send."""
        self._schedule.add(leg)
        self._flush_soon()

    def credit(self, leg: Leg) -> None:
        """The neighbour may send more on this route."""
        if not leg.credit_due:
            leg.credit_due = True
            self._credits.append(leg)
            self._flush_soon()

    def tell(self, kind: FrameType, route: int, payload: bytes = b"") -> None:
        """A small frame ahead of all others; dropped where too many wait."""
        if self._closed or self._urgent_bytes > URGENT_BYTES:
            return
        whole = frame(kind, route, payload)
        self._urgent.append(whole)
        self._urgent_bytes += len(whole)
        self._flush_soon()

    def stranger(self) -> bool:
        """A frame of an unknown route came; whether it is worth an answer."""
        self.strangers += 1
        self._answers_left -= 1
        return self._answers_left >= 0

    def forget(self, leg: Leg) -> None:
        """A route ended."""
        self._schedule.remove(leg)
        leg.clear()

    def when_proved(self, proved: Callable[[], None]) -> None:
        """Call this once, when the neighbour says its first word: it uses the link by then."""
        self._proved = proved

    def tick(self, now: float) -> None:
        """Once a second: liveness, age of keys."""
        self._answers_left = STRANGERS_A_S
        self._sealer.tick(now)
        if now - self._pinged < PING_S:
            return
        if self._missed >= PINGS_MISSED:
            self.close(f"no answer for {now - self._heard:.0f} s")
            return
        self._ask_again(now)

    def probe(self) -> None:
        """See at once whether the neighbour is still there: the network was away."""
        now = self._loop.time()
        if now - self._pinged >= PROBE_S:
            self._ask_again(now)

    @property
    def unanswered_s(self) -> float:
        """Since when a ping waits for any sign of the neighbour."""
        return self._loop.time() - self._asked_at if self._missed else 0.0

    def close(self, reason: str) -> None:
        """End the link and all routes upon it; nothing happens the second time."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        try:
            self._router.link_lost(self)
        finally:
            self._ended(self, reason)

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._closed

    # -- in

    def control(self, kind: int, payload: memoryview) -> None:
        """A frame of the link itself, not of a route."""
        if kind == FrameType.PING:
            self.tell(FrameType.PONG, LINK_ROUTE, bytes(payload))
        elif kind == FrameType.HANDSHAKE:
            self._router.heard(self, bytes(payload))
        elif kind == FrameType.PONG and len(payload) == _STAMP.size:
            taken = self._loop.time() - _STAMP.unpack(payload)[0]
            if 0 <= taken < PING_S * (PINGS_MISSED + 1):
                self.rtt_s = taken if self.rtt_s is None else 0.75 * self.rtt_s + 0.25 * taken

    @property
    def retries(self) -> int:
        """How often in a row TCP sent something again that was not acknowledged; 0 where nobody can tell."""
        try:
            return self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 3)[2]
        except (OSError, AttributeError):
            return 0

    def _ask_again(self, now: float) -> None:
        if not self._missed:
            self._asked_at = now
        self._missed += 1
        self._ask(now)

    def _ask(self, now: float) -> None:
        """A ping: its answer shows that the neighbour is there, and how far it is."""
        self._pinged = now
        self.tell(FrameType.PING, LINK_ROUTE, _STAMP.pack(now))

    def _readable(self) -> None:
        self._router.gathering = True
        try:
            self._receive()
        except (OSError, MeshError) as exc:
            self._fault(exc)
        except Exception:  # ours: the other links, and what they owe, must not hang on it
            log.exception(_OURS, self.peer.hex())
            self.close(_FAULT)
        finally:
            self._router.flush()

    def _receive(self) -> None:
        for _ in range(READS_A_TURN):
            room = self._reader.room()
            try:
                count = self._sock.recv_into(room)
            except (BlockingIOError, InterruptedError):
                return
            if not count:
                self.close("the neighbour hung up")
                return
            self._reader.filled(count)
            self._frames()
            if self._closed or count < len(room):
                return

    def _feed(self, data: bytes) -> None:
        for at in range(0, len(data), MAX_RECORD):
            self._reader.feed(data[at : at + MAX_RECORD])
            self._frames()

    def _frames(self) -> None:
        take, following = self._router.take, self._reader.next
        while (plain := following()) is not None:
            self.received_bytes += len(plain)
            take(self, plain)
            if self._closed:
                return
        self._heard = self._router.now
        self._missed = 0
        if self._proved is not None and self.received_bytes:
            proved, self._proved = self._proved, None
            proved()

    # -- out

    @property
    def free(self) -> bool:
        """Whether a record may go out at once: the socket takes more, and no route waits for its turn."""
        return not self._full and not self._schedule and not self._closed

    @property
    def silent(self) -> bool:
        """Whether nothing is sealed yet that a small frame could go with."""
        return not self._to

    def pass_on(self, plain: memoryview) -> None:
        """Send whole frames that lie in a neighbour's record; the link is free."""
        self.sent_bytes += len(plain)
        try:
            self._to += self._sealer.seal(plain, self._out[self._to :])
            if self._to > _LAST_START:
                self._transmit()
            else:
                self._flush_soon()
        except (OSError, MeshError) as exc:
            self._fault(exc)

    def flush(self) -> None:
        """Send what waits."""
        self._flushing = False
        if self._closed or self._full:
            return
        try:
            self._send()
        except (OSError, MeshError) as exc:
            self._fault(exc)
        except Exception:  # ours: links that are flushed after this one must not hang on it
            log.exception(_OURS, self.peer.hex())
            self.close(_FAULT)

    def _flush_soon(self) -> None:
        if not self._flushing and not self._full and not self._closed:
            self._flushing = True
            if self._router.gathering:
                self._router.busy.append(self)
            else:
                self._loop.call_soon(self.flush)

    def _writable(self) -> None:
        self._loop.remove_writer(self._sock.fileno())
        self._full = False
        self._guarded(self._send)

    def _send(self) -> None:
        """Send what is there until the socket takes no more, or others should have their turn."""
        for _ in range(SENDS_A_TURN):
            plain = self._plain
            while self._to <= _LAST_START and (plain := self._next()):
                self._seal(plain)
            if not self._to or not self._transmit() or not plain:
                return
        self._flush_soon()

    def _seal(self, plain: memoryview) -> None:
        self.sent_bytes += len(plain)
        self._to += self._sealer.seal(plain, self._out[self._to :])

    def _transmit(self) -> bool:
        """Give the socket what is sealed; false when it did not take all, and is waited for."""
        try:
            self._from += self._sock.send(self._out[self._from : self._to])
        except (BlockingIOError, InterruptedError):
            pass
        if self._from < self._to:
            self._full = True
            self._loop.add_writer(self._sock.fileno(), self._writable)
            return False
        self._from = self._to = 0
        return True

    def _next(self) -> memoryview:
        """What the next record holds; empty when nothing may go."""
        if self._schedule and not (self._urgent or self._credits):
            leg = self._schedule.head()
            if leg is not None and (whole := leg.large()) is not None:
                self._schedule.sent(leg, len(whole))
                return memoryview(whole)
        elif not (self._urgent or self._credits):
            return self._plain[:0]
        return self._plain[: self._fill()]

    def _fill(self) -> int:
        """Write the frames of the next record; its size."""
        plain, at = self._plain, 0
        urgent = self._urgent
        while urgent and MAX_PLAIN - at >= len(urgent[0]):
            whole = urgent.popleft()
            self._urgent_bytes -= len(whole)
            plain[at : at + len(whole)] = whole
            at += len(whole)
        at = self._fill_credits(at)
        head, sent, idle = self._schedule.head, self._schedule.sent, self._schedule.idle
        while MAX_PLAIN - at >= _LEAST_ROOM and (leg := head()) is not None:
            size = leg.pull(plain, at, MAX_PLAIN - at)
            if size == FULL:
                break
            if size:
                sent(leg, size)
                at += size
            else:
                idle(leg)
        return self._fill_credits(at)  # those that go along with what was just written

    def _fill_credits(self, at: int) -> int:
        while self._credits and MAX_PLAIN - at >= _LEAST_ROOM:
            leg = self._credits.popleft()
            if leg.credit_due:
                leg.credit_due = False
                if not self._router.may_renew(leg):
                    continue
                whole = frame(FrameType.CREDIT, leg.out_id, CREDIT.pack(leg.granted.renew()))
                self._plain[at : at + len(whole)] = whole
                at += len(whole)
        return at

    def _guarded(self, work: Callable[[], None]) -> None:
        """Whatever goes wrong on this link ends this link only."""
        try:
            work()
        except (OSError, MeshError) as exc:
            self._fault(exc)
        except Exception:  # ours, as above
            log.exception(_OURS, self.peer.hex())
            self.close(_FAULT)

    def _fault(self, exc: OSError | MeshError) -> None:
        self.close((isinstance(exc, OSError) and exc.strerror) or str(exc))
