"""Writes the next unit of a group for a route that asks. Pure.

Order: what the route says for itself (HELLO, PONG, PING); then, by the active route only, RESUME, answers for
streams that are not there, units of streams without payload, and in turns a message and payload.
"""

from components.visor.plane.streams.api import Want
from components.visor.plane.streams.core import Core
from components.visor.plane.streams.failover import Failover
from components.visor.plane.streams.life import Half, State
from components.visor.plane.streams.stream import ACK, CREDIT, FIN, OPEN, OPENED, RESET, Stream
from components.visor.plane.unit import DATA_BEST, HEADER, LOW, ROOM_LEAST, Kind, write_head

_DATA = int(Kind.DATA)
_SPEAKS = (State.OPEN, State.PARTING)  # RESUME tells of a stream in these
_SENDS = (State.OPEN, State.OPENING)  # while it opens, what `Sender.early` took only


class Outgoing:
    """What goes out next."""

    def __init__(self, core: Core, failover: Failover) -> None:
        self._core = core
        self._failover = failover
        self._message_next = True
        self._writers = {
            OPEN: self._open,
            OPENED: self._opened,
            RESET: self._reset,
            ACK: self._ack,
            CREDIT: self._credit,
            FIN: self._fin,
        }

    def wants(self, number: int) -> Want:
        """What this route has to send."""
        failover, core = self._failover, self._core
        route = failover.routes.get(number)
        if route is None:
            return Want.NOTHING
        if route.waiting:
            return Want.URGENT
        if route is not failover.active:
            return Want.NOTHING
        if core.agenda.urgent or core.goodbyes or failover.resume is not None:
            return Want.URGENT
        return Want.BULK if core.agenda.busy or core.messages else Want.NOTHING

    def write(self, number: int, into: memoryview, now: float) -> int:
        """Write the next unit: its length, 0 when there is none or no room."""
        failover = self._failover
        route = failover.routes.get(number)
        if route is None or len(into) < ROOM_LEAST:
            return 0
        if route.waiting:
            return route.write(into, failover.hello, now)
        if route is not failover.active:
            return 0
        if failover.resume is not None:
            return self._resume(into[: HEADER + DATA_BEST])
        core = self._core
        if core.goodbyes:
            return self._goodbye(into)
        if core.agenda.urgent and (size := self._urgent(into, now)):
            return size
        return self._payload(into, now) if core.messages else self._data(into, now)

    def _resume(self, into: memoryview) -> int:
        assert self._failover.resume is not None
        size, last = self._failover.resume.write(into, self._entry)
        if last:
            self._failover.resume = None
        return size

    def _entry(self, id: int) -> tuple[int, int] | None:
        stream = self._core.streams.get(id)
        if stream is None or stream.state not in _SPEAKS:
            return None
        receiver = stream.receiver
        receiver.acked = receiver.acknowledgement
        return receiver.acknowledgement, receiver.window.limit

    def _goodbye(self, into: memoryview) -> int:
        id, (kind, code) = self._core.goodbyes.popitem()
        write_head(into, kind, id, code)
        return HEADER

    # Units of a stream without payload.

    def _urgent(self, into: memoryview, now: float) -> int:
        agenda = self._core.agenda
        while agenda.urgent:
            stream = agenda.urgent[0]
            first = stream.pending & -stream.pending
            size = self._writers[first](stream, into, now) if first else 0
            stream.pending &= ~first
            if not stream.pending:
                agenda.settled()
                self._core.part(stream)
            if size:
                return size
        return 0

    def _open(self, stream: Stream, into: memoryview, now: float) -> int:
        self._core.doubt.waits(stream.id, now)
        write_head(into, Kind.OPEN, stream.id, stream.receiver.window.limit)
        into[HEADER : HEADER + 4] = (stream.port << 16 | stream.source).to_bytes(4, "big")
        return HEADER + 4

    def _opened(self, stream: Stream, into: memoryview, now: float) -> int:
        write_head(into, Kind.OPENED, stream.id, stream.receiver.window.limit & LOW)
        return HEADER

    def _reset(self, stream: Stream, into: memoryview, now: float) -> int:
        write_head(into, Kind.RESET, stream.id, stream.code)
        return HEADER

    def _ack(self, stream: Stream, into: memoryview, now: float) -> int:
        receiver = stream.receiver
        receiver.acked = receiver.acknowledgement
        write_head(into, Kind.ACK, stream.id, receiver.acknowledgement & LOW)
        return HEADER

    def _credit(self, stream: Stream, into: memoryview, now: float) -> int:
        write_head(into, Kind.CREDIT, stream.id, stream.receiver.window.limit & LOW)
        return HEADER

    def _fin(self, stream: Stream, into: memoryview, now: float) -> int:
        sender = stream.sender
        if sender.half is Half.ENDED:
            return 0
        again = sender.fin_sent
        final = sender.say_fin()
        if not again:
            self._core.progress.sent(stream.id, final + 1, 1, now)
        write_head(into, Kind.FIN, stream.id, 0)
        into[HEADER : HEADER + 8] = final.to_bytes(8, "big")
        return HEADER + 8

    # Payload.

    def _payload(self, into: memoryview, now: float) -> int:
        message_first, self._message_next = self._message_next, not self._message_next
        if message_first:
            return self._core.messages.write(into) or self._data(into, now)
        return self._data(into, now) or self._core.messages.write(into)

    def _data(self, into: memoryview, now: float) -> int:
        core = self._core
        agenda = core.agenda
        body = into[HEADER:]
        while (stream := agenda.head()) is not None:
            sender = stream.sender
            at = sender.sent
            count = self._fill(stream, body)
            if count:
                stream.deficit -= count
                core.memory.company.moved(stream, now)
                core.progress.sent(stream.id, at + count, count, now)
                write_head(into, _DATA, stream.id, at & LOW)
                if sender.half is not Half.FLOWING:
                    core.settle(stream)
                if sender.dry:
                    agenda.dried(stream)
                return HEADER + count
            if sender.starved:
                self._starve(stream)
            else:
                agenda.emptied(stream)
                if sender.blocked and stream.state is State.OPEN:
                    core.doubt.waits(stream.id, now)
            if stream.state is State.OPEN:
                core.settle(stream)
            if agenda.urgent:
                return self._urgent(into, now)
        return 0

    def _fill(self, stream: Stream, body: memoryview) -> int:
        if stream.state not in _SENDS or stream.endpoint is None:
            return 0
        return stream.sender.fill(body, stream.endpoint, crowded=self._core.agenda.crowded)

    def _starve(self, stream: Stream) -> None:
        stream.sender.starved = False
        self._core.agenda.starve(stream)
        self._core.memory.sending.wait(self._core, self._core.fed)
