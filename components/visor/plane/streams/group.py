"""A group: all streams between two nodes, and the routes that carry them. The door of this package. Pure.

The shell calls; the group answers, and calls its `Owner` and the `Endpoint`s (`api`). Time is in seconds, and
only ever goes on.

    route_up, route_down          a route has its keys; its link broke
    open, accept, reset           streams
    readable, writable            an app's socket has bytes, has room
    wants, next_unit, take_unit   the hot path: what a route has to send, the next unit, a unit that came
    next_deadline, tick           time
"""

from components.visor.plane.streams.api import Code, Endpoint, Owner, Want
from components.visor.plane.streams.core import Core, Memory
from components.visor.plane.streams.errors import LimitError
from components.visor.plane.streams.failover import Failover
from components.visor.plane.streams.incoming import Incoming
from components.visor.plane.streams.life import Event, State
from components.visor.plane.streams.limits import STREAMS_MAX
from components.visor.plane.streams.outgoing import Outgoing
from components.visor.plane.streams.stream import ACK, OPEN
from components.visor.plane.streams.table import Streams
from components.visor.plane.streams.tally import Tally


class Group:
    """One end of a group. `initiator`: this side dialled it; `incarnation`: a random u64 of this process."""

    def __init__(
        self,
        *,
        initiator: bool,
        incarnation: int,
        memory: Memory,
        owner: Owner,
        streams_max: int = STREAMS_MAX,
    ) -> None:
        self._owner = owner
        self._core = Core(Streams(initiator=initiator, most=streams_max), memory, owner)
        self._core.rouse = self._rouse
        self._failover = Failover(self._core, initiator=initiator, incarnation=incarnation)
        self._outgoing = Outgoing(self._core, self._failover)
        self._incoming = Incoming(self._core, self._failover)
        self._closed = False

    # Routes.

    def route_up(self, route: int, *, cost: int, now: float) -> None:
        """A route has its keys; a smaller `cost` is better. Raises `LimitError` for one too many."""
        if self._closed:
            raise LimitError("the group is closed")
        self._failover.up(route, cost, now)
        self._rouse()

    def route_down(self, route: int, now: float) -> None:
        """A route is dead: the group uses it no more and takes nothing more from it."""
        self._failover.lost(route, now, tell=False)
        self._rouse()

    @property
    def active(self) -> int | None:
        """The route the group sends by."""
        return self._failover.active.number if self._failover.active else None

    @property
    def routes(self) -> tuple[int, ...]:
        """All routes that are up."""
        return tuple(self._failover.routes)

    # Streams.

    def open(self, port: int, endpoint: Endpoint, *, source: int, now: float) -> int:
        """Open a stream to `port`: its id. `Endpoint.opened` or `closed` follows. Raises `LimitError`."""
        if self._closed:
            raise LimitError("the group is closed")
        core = self._core
        if core.streams.full:
            raise LimitError("too many streams are open to this node")
        stream = core.create(core.streams.next_id(), State.OPENING, port=port, source=source, now=now)
        stream.endpoint = endpoint
        core.agenda.flag(stream, OPEN)
        self._rouse()
        return stream.id

    def early(self, id: int, data: bytes) -> bool:
        """Send the first bytes of a stream along with its opening, if that can be: the app has them still.

        `data` is not empty, and at most `EARLY_MAX` bytes. Called once, at once after `open`.
        """
        stream = self._core.streams.get(id)
        if stream is None or stream.state is not State.OPENING or not stream.sender.early(data):
            return False
        self._core.agenda.activate(stream)
        self._rouse()
        return True

    def accept(self, id: int, endpoint: Endpoint) -> bool:
        """Take an offered stream: False when it is there no more."""
        stream = self._core.streams.get(id)
        if stream is None or stream.state is not State.OFFERED:
            return False
        stream.endpoint = endpoint
        self._core.turn(stream, Event.ACCEPTED)
        if len(stream.receiver.store):  # it came before
            stream.receiver.drain(endpoint)
            self._core.agenda.flag(stream, ACK)
            self._core.settle(stream)
        self._rouse()
        return True

    def reset(self, id: int, code: int = Code.GONE) -> None:
        """Break a stream off, or refuse an offered one."""
        stream = self._core.streams.get(id)
        if stream is not None:
            self._core.turn(stream, Event.BROKE_OFF, code)
            self._rouse()

    def tally(self, id: int) -> Tally | None:
        """What goes by a stream, valid also when it is over; None when it is there no more."""
        stream = self._core.streams.get(id)
        return None if stream is None else Tally(stream)

    def readable(self, id: int) -> None:
        """The app has bytes: `Endpoint.read` is called at the next pull."""
        stream = self._core.streams.get(id)
        if stream is None:
            return
        stream.sender.readable = True
        if stream.state is State.OPEN:
            self._core.agenda.activate(stream)
            self._rouse()

    def writable(self, id: int, now: float) -> None:
        """The app has room: it gets what waits for it."""
        stream = self._core.streams.get(id)
        if stream is not None and stream.state is State.OPEN and stream.endpoint is not None:
            stream.receiver.drain(stream.endpoint)
            self._core.took(stream, now)
            self._rouse()

    def send(self, port: int, body: bytes, *, source: int) -> bool:
        """Queue a datagram-like message, at most once: False when it was dropped."""
        queued = not self._closed and self._core.messages.put(port, source, body)
        self._rouse()
        return queued

    def close(self, code: int = Code.CLOSED) -> None:
        """End everything here and give all memory back. The peer is not told: close the routes."""
        self._closed = True
        for stream in self._core.streams:
            self._core.turn(stream, Event.BROKE_OFF, code)
            self._core.streams.forget(stream.id)
        self._failover.close()
        self._core.close()

    @property
    def idle(self) -> bool:
        """Whether no stream lives and no message waits."""
        return not len(self._core.streams) and not self._core.messages

    @property
    def quiet(self) -> bool:
        """Whether all that apps wrote is acknowledged."""
        return all(stream.state is not State.OPEN or stream.sender.quiet for stream in self._core.streams)

    @property
    def owes(self) -> bool:
        """Whether acknowledgements wait for their delay."""
        return self._core.ack_due is not None

    @property
    def rtt_s(self) -> float | None:
        """The round trip of the route in use; None as long as it was not measured."""
        return self._core.progress.round_trip.smoothed or None

    @property
    def peer_incarnation(self) -> int | None:
        """Of the process at the other end; None as long as it did not greet."""
        return self._failover.peer

    # The hot path.

    def wants(self, route: int) -> Want:
        """What this route has to send."""
        return self._outgoing.wants(route)

    def more(self, route: int) -> bool:
        """Whether this route has any unit to send."""
        asked = self._failover.routes.get(route)
        return asked is not None and asked.told is not Want.NOTHING

    def next_unit(self, route: int, into: memoryview, now: float) -> int:
        """Write the next unit at the start of `into`: its length; 0 when there is none, or no room for it."""
        size = self._outgoing.write(route, into, now)
        pulled = self._failover.routes.get(route)
        if pulled is not None:
            pulled.told = self._outgoing.wants(route)
        return size

    def take_unit(self, route: int, unit: memoryview, now: float) -> None:
        """Take a unit that came by `route`; raises `UnitError`: then close that route."""
        self._incoming.take(route, unit, now)
        self._rouse()

    def _rouse(self) -> None:
        for number, route in self._failover.routes.items():
            want = self._outgoing.wants(number)
            if want > route.told:
                self._owner.wake(number, want)
            route.told = want

    # Time.

    def next_deadline(self) -> float | None:
        """When `tick` has something to do; None when never."""
        times = [at for at in (self._failover.deadline(), self._core.ack_due) if at is not None]
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._core.acknowledge_late(now)
        self._failover.tick(now)
        self._rouse()
