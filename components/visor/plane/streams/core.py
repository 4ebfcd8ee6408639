"""What the parts of a group share: its streams, whose turn it is, what to do when a life goes on. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from components.visor.plane.streams.agenda import Agenda
from components.visor.plane.streams.api import Code, Owner
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.company import Company
from components.visor.plane.streams.doubt import Doubt
from components.visor.plane.streams.errors import UnitError
from components.visor.plane.streams.life import Action, Event, State, follow
from components.visor.plane.streams.limits import GOODBYES_MAX
from components.visor.plane.streams.messages import Messages
from components.visor.plane.streams.progress import Progress
from components.visor.plane.streams.receiving import Receiver
from components.visor.plane.streams.sending import Sender
from components.visor.plane.streams.store import Pool
from components.visor.plane.streams.stream import ACK, CREDIT, FIN, OPENED, RESET, Stream
from components.visor.plane.streams.table import Streams
from components.visor.plane.streams.window import Window
from components.visor.plane.unit import LOW, Kind


@dataclass(frozen=True, slots=True)
class Memory:
    """What all groups of a node share."""

    pool: Pool
    sending: Budget
    receiving: Budget
    company: Company = field(default_factory=Company)


class Core:
    """The streams of a group, without their routes."""

    def __init__(self, streams: Streams, memory: Memory, owner: Owner) -> None:
        self.streams = streams
        self.memory = memory
        self.owner = owner
        self.agenda = Agenda()
        self.messages = Messages()
        self.progress = Progress()
        self.doubt = Doubt()
        self.goodbyes: dict[int, tuple[Kind, int]] = {}  # units for streams that we do not hold
        self.ack_due: float | None = None  # when the late acknowledgements go out
        self.late: list[Stream] = []
        self.rouse: Callable[[], None] = lambda: (
            None
        )  # tell the owner what there is to send; the group sets it
        self._carry_out: dict[Action, Callable[[Stream], None]] = {
            Action.RELEASE: self._release,
            Action.SEND_OPENED: lambda stream: self.agenda.flag(stream, OPENED),
            Action.SEND_RESET: self._send_reset,
            Action.SAY_GONE: self._say_gone,
            Action.FORGET: self._forget,
            Action.TELL_OPENED: self._tell_opened,
            Action.TELL_CLOSED: self._tell_closed,
        }

    def create(self, id: int, state: State, *, port: int, source: int, now: float) -> Stream:
        """A new stream; raises `LimitError` when there is no memory for its window."""
        receiver = Receiver(self.memory.pool, Window(self.memory.receiving, now, others=len(self.streams)))
        sender = Sender(self.memory.pool, self.memory.sending)
        stream = Stream(id, state, sender, receiver, port=port, source=source)
        self.streams.add(stream)
        return stream

    def turn(self, stream: Stream, event: Event, code: int = 0) -> None:
        """Something happened to a stream: do what its table says."""
        stream.state, actions = follow(stream.state, event)
        if actions:
            stream.code = code
        for action in actions:
            self._carry_out[action](stream)

    def _release(self, stream: Stream) -> None:
        self.progress.dropped(stream.id, stream.sender.in_flight)
        self.doubt.goes_on(stream.id)
        stream.sender.release()
        stream.receiver.release()
        stream.pending &= ACK if stream.state is State.PARTING else 0

    def _forget(self, stream: Stream) -> None:
        self.doubt.goes_on(stream.id)
        stream.pending = 0
        self.streams.forget(stream.id)

    def _send_reset(self, stream: Stream) -> None:
        stream.pending = 0
        if stream.receiver.acked != stream.receiver.acknowledgement:
            self.agenda.flag(stream, ACK)
        self.agenda.flag(stream, RESET)

    def _say_gone(self, stream: Stream) -> None:
        self.goodbye(stream.id, Kind.GONE, stream.receiver.acknowledgement & LOW)

    def _tell_opened(self, stream: Stream) -> None:
        self.doubt.goes_on(stream.id)
        if stream.endpoint is not None:
            stream.endpoint.opened()

    def _tell_closed(self, stream: Stream) -> None:
        endpoint, stream.endpoint = stream.endpoint, None
        if endpoint is not None:
            endpoint.closed(stream.code or None)

    def goodbye(self, id: int, kind: Kind, code: int) -> None:
        """Answer for a stream that is not there; raises `UnitError` when too many answers wait."""
        if len(self.goodbyes) >= GOODBYES_MAX and id not in self.goodbyes:
            raise UnitError("units of too many streams that are not there")
        self.goodbyes[id] = (kind, code)

    def settle(self, stream: Stream) -> None:
        """After anything on an open stream: send its FIN, break it off, or part when all is done."""
        if stream.sender.broken or stream.receiver.broken:
            self.turn(stream, Event.BROKE_OFF, Code.GONE)
            return
        if stream.sender.fin_due:
            self.agenda.flag(stream, FIN)
        if stream.ended and stream.state is State.OPEN:
            self.turn(stream, Event.DONE)
            self.part(stream)

    def part(self, stream: Stream) -> None:
        """Forget a stream whose last word was said."""
        if not stream.pending and stream.state is State.PARTING:
            self.turn(stream, Event.SAID)

    def took(self, stream: Stream, now: float) -> None:
        """The app, or its queue, got something of the peer: grant again, acknowledge the end, pass it on."""
        receiver = stream.receiver
        self.grant(stream, now)
        if receiver.expected == receiver.final and receiver.acked != receiver.acknowledgement:
            self.agenda.flag(stream, ACK)
        if receiver.complete() and stream.endpoint is not None:
            stream.endpoint.end()
        self.settle(stream)

    def grant(self, stream: Stream, now: float) -> None:
        """The app took something: let the peer know how much more it may send, when that is worth it."""
        window, offset = stream.receiver.window, stream.receiver.store.start
        if window.limit - offset > window.size >> 1:
            return  # as most units find it; `taken` would say the same
        if window.taken(offset, now, self.progress.round_trip.least, self.memory.company.slack_s(now)):
            self.agenda.flag(stream, CREDIT)

    def acknowledge_late(self, now: float) -> None:
        """Have the acknowledgements sent whose delay is over."""
        if self.ack_due is None or now < self.ack_due:
            return
        late, self.late, self.ack_due = self.late, [], None
        for stream in late:
            stream.ack_late = False
            if stream.state is State.OPEN and stream.receiver.acked != stream.receiver.acknowledgement:
                self.agenda.flag(stream, ACK)

    def fed(self) -> None:
        """There may be memory again for what waits to be sent."""
        self.agenda.feed()
        self.rouse()

    def close(self) -> None:
        """Drop what waits; the streams are forgotten already."""
        self.agenda = Agenda()
        self.messages.clear()
        self.goodbyes.clear()
        self.late.clear()
        self.ack_due = None
        self.doubt.clear()
        self.memory.sending.forget(self)
