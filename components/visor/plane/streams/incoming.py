"""Takes the units of the peer. Pure. All it raises is `UnitError`: the route it came by is then to be closed.

Units may be late (sent by a route before the change), or come twice; the peer may have forgotten what we
still know, and the other way round. What that means for a stream that is not there stands in `_ABSENT`.
"""

from collections.abc import Callable
from typing import Final

from components.visor.plane.streams.api import Code
from components.visor.plane.streams.core import Core
from components.visor.plane.streams.errors import LimitError, UnitError
from components.visor.plane.streams.failover import Failover
from components.visor.plane.streams.life import Event, Half, State
from components.visor.plane.streams.limits import ACK_DELAY_S, EARLY_MAX, ID_MAX
from components.visor.plane.streams.resume import Flag, entries, read_resume
from components.visor.plane.streams.routes import Route
from components.visor.plane.streams.stream import ACK, OPENED, Stream
from components.visor.plane.unit import HEADER, Kind, read_head, widen

_TO_ANY_PROCESS = frozenset({Kind.HELLO, Kind.PING, Kind.PONG})

# The answer to a unit of a stream that is finished, and to one of a stream that never was.
_ABSENT: Final[dict[int, tuple[tuple[Kind, int] | None, tuple[Kind, int] | None]]] = {
    Kind.OPENED: (None, (Kind.RESET, Code.UNKNOWN)),
    Kind.DATA: (None, (Kind.RESET, Code.UNKNOWN)),
    Kind.ACK: (None, (Kind.RESET, Code.UNKNOWN)),
    Kind.CREDIT: (None, (Kind.RESET, Code.UNKNOWN)),
    Kind.RESUME: (None, (Kind.RESET, Code.UNKNOWN)),
    Kind.FIN: ((Kind.GONE, 0), (Kind.RESET, Code.UNKNOWN)),
    Kind.RESET: ((Kind.GONE, 0), (Kind.GONE, 0)),
    Kind.GONE: (None, None),
}


class Incoming:
    """What the peer says, and what it means."""

    def __init__(self, core: Core, failover: Failover) -> None:
        self._core = core
        self._failover = failover
        self._of_group: dict[int, Callable[[Route, int, memoryview, float], None]] = {
            Kind.HELLO: self._hello,
            Kind.RESUME: self._resume,
            Kind.PING: self._ping,
            Kind.PONG: self._pong,
            Kind.MESSAGE: self._message,
        }
        self._of_stream: dict[int, Callable[[Stream, int, memoryview, float], None]] = {
            Kind.OPENED: self._opened,
            Kind.DATA: self._data,
            Kind.FIN: self._fin,
            Kind.RESET: self._reset,
            Kind.GONE: self._gone,
            Kind.ACK: self._ack,
            Kind.CREDIT: self._credit,
        }

    def take(self, number: int, unit: memoryview, now: float) -> None:
        """Take a unit; one of a route that is not up any more is dropped."""
        route = self._failover.routes.get(number)
        if route is None:
            return
        kind, id, aux = read_head(unit)
        if not route.greeted and kind != Kind.HELLO:
            raise UnitError(f"a route begins by a unit of kind {kind}")
        route.heard()
        if route.stale and kind not in _TO_ANY_PROCESS:
            return
        body = unit[HEADER:]
        if not id:
            self._of_group[kind](route, aux, body, now)
            return
        stream = self._core.streams.get(id)
        if kind == Kind.OPEN:
            self._open(id, stream, aux, body, now)
        elif stream is None:
            self._absent(kind, id)
        else:
            self._of_stream[kind](stream, aux, body, now)

    # Of the group.

    def _hello(self, route: Route, aux: int, body: memoryview, now: float) -> None:
        self._failover.greeted(route, int.from_bytes(body[:8], "big"), int.from_bytes(body[8:], "big"), now)

    def _ping(self, route: Route, aux: int, body: memoryview, now: float) -> None:
        route.pinged(aux)

    def _pong(self, route: Route, aux: int, body: memoryview, now: float) -> None:
        if route.ponged(aux, now) and route is self._failover.active:
            self._core.doubt.later(now)
        self._failover.improve(now)

    def _message(self, route: Route, aux: int, body: memoryview, now: float) -> None:
        self._core.owner.message(aux >> 16, aux & 0xFFFF, body)

    def _resume(self, route: Route, aux: int, body: memoryview, now: float) -> None:
        for id, upto, limit in entries(body):
            if not 0 < id <= ID_MAX:
                raise UnitError(f"stream {id} in a RESUME")
            stream = self._core.streams.get(id)
            if stream is None:
                self._absent(Kind.RESUME, id)
            else:
                self._resume_one(stream, upto, limit, now)
        flags, move = read_resume(body)
        if flags & Flag.LAST:
            self._failover.resumed(route, aux, flags, move, now)

    def _resume_one(self, stream: Stream, upto: int, limit: int, now: float) -> None:
        if stream.state is State.OPENING:  # its OPENED was lost
            self._core.turn(stream, Event.OPENED)
        if stream.state is State.OPEN:
            self._raise_limit(stream, limit)
            self._acknowledged(stream, upto, now)

    # Of a stream.

    def _open(self, id: int, stream: Stream | None, limit: int, body: memoryview, now: float) -> None:
        core = self._core
        if core.streams.ours(id):
            raise UnitError(f"the peer opens stream {id}, which is not for it to open")
        if stream is not None:
            if stream.state is State.OPEN:
                core.agenda.flag(stream, OPENED)
            return
        if core.streams.known(id):  # refused before; all others were known to be open
            core.goodbye(id, Kind.RESET, Code.BUSY)
            return
        core.streams.saw(id)
        self._offer(id, limit, int.from_bytes(body, "big"), now)

    def _offer(self, id: int, limit: int, ports: int, now: float) -> None:
        core = self._core
        try:
            if core.streams.full:
                raise LimitError("too many streams")
            stream = core.create(id, State.OFFERED, port=ports >> 16, source=ports & 0xFFFF, now=now)
        except LimitError:
            core.goodbye(id, Kind.RESET, Code.BUSY)
            return
        stream.sender.credit(limit)
        core.owner.offered(id, stream.port, stream.source)

    def _absent(self, kind: int, id: int) -> None:
        streams = self._core.streams
        finished, never = _ABSENT[kind]
        answer = finished if streams.known(id) else never
        if kind == Kind.RESET and not streams.ours(id):
            streams.saw(id)
        if answer is not None:
            self._core.goodbye(id, *answer)

    def _opened(self, stream: Stream, limit: int, body: memoryview, now: float) -> None:
        if not self._core.streams.ours(stream.id):
            raise UnitError(f"the peer accepts stream {stream.id}, which it opened itself")
        if stream.state is State.OPENING:
            self._raise_limit(stream, limit)
            self._core.turn(stream, Event.OPENED)

    def _data(self, stream: Stream, low: int, body: memoryview, now: float) -> None:
        endpoint = stream.endpoint
        if stream.state is not State.OPEN or endpoint is None:
            if stream.state is State.OPENING:
                raise UnitError(f"data on stream {stream.id}, which is not open")
            if stream.state is State.OFFERED:
                self._early(stream, low, body)
            return
        receiver = stream.receiver
        if not receiver.data(low, body, endpoint):  # all of it came before: our acknowledgement was lost
            self._core.agenda.flag(stream, ACK)
            return
        if receiver.final is not None or receiver.broken:
            self._core.took(stream, now)
            return
        self._core.memory.company.moved(stream, now)
        self._core.grant(stream, now)
        if receiver.expected - receiver.acked >= receiver.window.size >> 2:
            self._core.agenda.flag(stream, ACK)
        elif not stream.ack_late:
            self._acknowledge_later(stream, now)

    def _early(self, stream: Stream, low: int, body: memoryview) -> None:
        """Data that came along with the opening is kept until the stream is accepted."""
        if low + len(body) > EARLY_MAX:
            raise UnitError(f"{low + len(body)} bytes on stream {stream.id} before it is open")
        stream.receiver.data(low, body, None)

    def _acknowledge_later(self, stream: Stream, now: float) -> None:
        stream.ack_late = True
        core = self._core
        core.late.append(stream)
        if core.ack_due is None:
            core.ack_due = now + ACK_DELAY_S

    def _fin(self, stream: Stream, aux: int, body: memoryview, now: float) -> None:
        if stream.state in (State.OPENING, State.OFFERED):
            raise UnitError(f"the end of stream {stream.id}, which is not open")
        if stream.state is State.RESETTING:
            return
        stream.receiver.finish(int.from_bytes(body, "big"))
        self._core.agenda.flag(stream, ACK)
        if stream.state is State.OPEN:
            self._core.took(stream, now)

    def _reset(self, stream: Stream, code: int, body: memoryview, now: float) -> None:
        if code == Code.BUSY and stream.state is not State.OPENING:
            return  # an answer to an OPEN that is long settled
        if code != Code.UNKNOWN:
            stream.sender.told = True  # its acknowledgement came before
        self._core.turn(stream, Event.WAS_RESET, code or Code.UNKNOWN)

    def _gone(self, stream: Stream, aux: int, body: memoryview, now: float) -> None:
        sender = stream.sender
        if stream.state is not State.OPEN:
            if aux:
                sender.confirmed(widen(aux, sender.acknowledged))
            self._core.turn(stream, Event.GONE)
        elif sender.half is Half.ENDING and sender.highest > sender.store.end:
            self._acknowledged(stream, sender.highest, now)
        else:
            raise UnitError(f"the peer forgot stream {stream.id}, which did not end")

    def _ack(self, stream: Stream, low: int, body: memoryview, now: float) -> None:
        sender = stream.sender
        if stream.state is State.OPEN:
            self._acknowledged(stream, widen(low, sender.store.start), now)
        elif stream.state is State.RESETTING:  # both broke it off
            sender.confirmed(widen(low, sender.acknowledged))

    def _acknowledged(self, stream: Stream, upto: int, now: float) -> None:
        sender = stream.sender
        self._core.progress.acknowledged(stream.id, upto, sender.acknowledge(upto), now)
        if sender.half is not Half.FLOWING:
            self._core.settle(stream)

    def _credit(self, stream: Stream, low: int, body: memoryview, now: float) -> None:
        if stream.state is State.OPEN:
            self._raise_limit(stream, widen(low, stream.sender.limit))

    def _raise_limit(self, stream: Stream, limit: int) -> None:
        if stream.sender.credit(limit):
            self._core.doubt.goes_on(stream.id)
            self._core.agenda.activate(stream)
