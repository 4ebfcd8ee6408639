"""Two groups in memory, joined by routes that keep order and lose what is under way when they die."""

from collections import deque
from dataclasses import dataclass, field

from components.visor.plane.streams.api import BLOCKED, BROKEN, END, Left, Want
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.group import Group
from components.visor.plane.streams.life import State
from components.visor.plane.streams.receiving import Receiver
from components.visor.plane.streams.sending import Sender
from components.visor.plane.streams.store import Pool
from components.visor.plane.streams.stream import Stream
from components.visor.plane.streams.window import Window

MIB = 1 << 20


class App:
    """An app's socket: what it wrote and what it read."""

    def __init__(self, room: int = 1 << 40, *, tells: bool = False) -> None:
        """`tells`: its group hears of each write, so it need not look whether there is more."""
        self.tells = tells
        self.to_send = bytearray()
        self.wrote_end = False
        self.got = bytearray()
        self.room = room  # bytes it takes before it blocks
        self.ends = 0
        self.opens = 0
        self.codes: list[int | None] = []
        self.broken = False
        self.dry = False

    def read(self, into: memoryview) -> int:
        if self.broken:
            return BROKEN
        count = min(len(into), len(self.to_send))
        if count:
            into[:count] = self.to_send[:count]
            del self.to_send[:count]
            self.dry = self.tells and count < len(into) and not self.wrote_end
            return count
        return END if self.wrote_end else BLOCKED

    def write(self, data: memoryview) -> int:
        assert not self.ends
        assert not self.codes
        if self.broken:
            return BROKEN
        count = min(len(data), self.room)
        self.got += data[:count]
        self.room -= count
        return count

    def end(self) -> None:
        self.ends += 1

    def opened(self) -> None:
        self.opens += 1

    def closed(self, code: int | None) -> None:
        self.codes.append(code)


def stream_of(state: State, id: int = 2) -> Stream:
    budget = Budget(1 << 26)
    return Stream(id, state, Sender(Pool(), budget), Receiver(Pool(), Window(budget, 0.0)), port=1, source=2)


@dataclass
class Side:
    """One end, and what it told its owner."""

    initiator: bool
    incarnation: int
    budget: int = 64 * MIB
    apps: dict[int, App] = field(default_factory=dict)
    offers: list[tuple[int, int, int]] = field(default_factory=list)
    messages: list[tuple[int, int, bytes]] = field(default_factory=list)
    switches: list[tuple[int | None, int | None, Left]] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    woken: dict[int, Want] = field(default_factory=dict)
    accepting: bool = True
    room: int = 1 << 40
    streams_max: int = 1000

    def __post_init__(self) -> None:
        self.memory = Memory(Pool(), Budget(self.budget), Budget(self.budget))
        self.group = Group(
            initiator=self.initiator,
            incarnation=self.incarnation,
            memory=self.memory,
            owner=self,
            streams_max=self.streams_max,
        )

    def wake(self, route: int, want: Want) -> None:
        self.woken[route] = want

    def offered(self, stream: int, port: int, source: int) -> None:
        self.offers.append((stream, port, source))
        if self.accepting:
            self.apps[stream] = App(self.room, tells=True)
            assert self.group.accept(stream, self.apps[stream])

    def message(self, port: int, source: int, body: memoryview) -> None:
        self.messages.append((port, source, bytes(body)))

    def switched(self, old: int | None, new: int | None, why: Left) -> None:
        self.switches.append((old, new, why))

    def route_dead(self, route: int) -> None:
        self.dead.append(route)


@dataclass
class Wire:
    """A route: what is under way in each direction, and who is heard no more though nobody was told."""

    number: int
    there: deque[bytes] = field(default_factory=deque)
    back: deque[bytes] = field(default_factory=deque)
    mute: set[bool] = field(default_factory=set)


class Net:
    """The initiator `a`, the other side `b`, the routes between them, and the time."""

    def __init__(self, **sides: int) -> None:
        self.a = Side(initiator=True, incarnation=1, **sides)  # type: ignore[arg-type]  # numbers only
        self.b = Side(initiator=False, incarnation=2, **sides)  # type: ignore[arg-type]  # numbers only
        self.wires: dict[int, Wire] = {}
        self.now = 100.0
        self.delay = 0.0
        self._buffer = memoryview(bytearray(1 << 16))
        self._numbers = 0

    def other(self, side: Side) -> Side:
        return self.b if side is self.a else self.a

    def queue_of(self, side: Side, wire: Wire) -> "deque[bytes]":
        return wire.there if side is self.a else wire.back

    def up(self, cost: int = 1) -> int:
        self._numbers += 1
        number = self._numbers
        self.wires[number] = Wire(number)
        for side in (self.a, self.b):
            side.group.route_up(number, cost=cost, now=self.now)
        return number

    def cut(self, number: int) -> None:
        """What is under way is lost; the sides do not know yet."""
        wire = self.wires.pop(number)
        wire.there.clear()
        wire.back.clear()

    def kill(self, number: int) -> None:
        """Lost, and both sides know."""
        self.cut(number)
        for side in (self.a, self.b):
            side.group.route_down(number, self.now)

    def open(self, side: Side, port: int = 7) -> tuple[int, App]:
        app = App(side.room, tells=True)
        id = side.group.open(port, app, source=9, now=self.now)
        side.apps[id] = app
        return id, app

    def write(self, side: Side, id: int, data: bytes, *, end: bool = False) -> None:
        app = side.apps[id]
        app.to_send += data
        app.wrote_end = app.wrote_end or end
        side.group.readable(id)

    def take(self, side: Side, id: int, room: int) -> None:
        """The app takes `room` bytes more."""
        side.apps[id].room += room
        side.group.writable(id, self.now)

    def pull(self, side: Side, number: int, room: int = 1 << 16) -> bool:
        """One unit onto the wire."""
        size = side.group.next_unit(number, self._buffer[:room], self.now)
        wire = self.wires.get(number)
        if size and wire is not None and side.initiator not in wire.mute:
            self.queue_of(side, wire).append(bytes(self._buffer[:size]))
        return bool(size)

    def deliver(self, side: Side, number: int, *, twice: bool = False) -> bool:
        """One unit from the wire to the other side."""
        wire = self.wires.get(number)
        queue = self.queue_of(side, wire) if wire else deque[bytes]()
        if not queue:
            return False
        unit = queue.popleft()
        for _ in range(1 + twice):
            self.other(side).group.take_unit(number, memoryview(unit), self.now)
        return True

    def pump(self) -> bool:
        """One turn of everything: whether anything moved."""
        moved = False
        for side in (self.a, self.b):
            for number in list(self.wires):
                moved |= self.pull(side, number)
        self.now += self.delay
        for side in (self.a, self.b):
            for number in list(self.wires):
                while self.deliver(side, number):
                    moved = True
        return moved

    def settle(self, turns: int = 5_000) -> None:
        """Until nothing moves, the delayed acknowledgements included."""
        quiet = 0
        for _ in range(turns):
            if self.pump():
                quiet = 0
                continue
            quiet += 1
            if quiet > 2:
                return
            self.pass_time(0.01)
        raise AssertionError("it never comes to rest")

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for side in (self.a, self.b):
            side.group.tick(self.now)

    def crash(self) -> None:
        """The other side dies and comes back as a new process; its routes are gone."""
        for number in list(self.wires):
            self.cut(number)
            self.a.group.route_down(number, self.now)
        self.b = Side(initiator=False, incarnation=self.b.incarnation + 1, budget=self.b.budget)

    def assert_nothing_is_held(self) -> None:
        for side in (self.a, self.b):
            assert side.group.idle
            assert side.memory.sending.used == 0
            assert side.memory.receiving.used == 0
