"""Two visors' planes with two nodes between them, on a loop and a clock of our own: one seed, one run.

Real routers, links, joints and sockets; nothing runs but what `SimLoop.turn` calls, in the seed's order. Only
what asks for a turn gets one: a wake that is forgotten shows as a stream that stands still.

    A -- M1 -- B
    A -- M2 -- B
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import select
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from components.mesh.aead import Cipher
from components.mesh.endtoend import RouteName
from components.visor.plane.joint import Joint
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from components.visor.plane.streams.api import Left
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.store import Pool
from components.visor.plane.table import InstallError
from tests.support.joints import GROUP, app_pair, install
from tests.support.mesh import ALICE, BOB
from tests.support.planes import joined

CABLES = (("A", "M1"), ("M1", "B"), ("A", "M2"), ("M2", "B"))
STEP_S = 0.5
BLOCK = 65536


@dataclass(eq=False)
class Call:
    """A callback of the loop."""

    run: Callable[..., object]
    args: tuple[Any, ...]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class SimLoop:
    """As much of a loop as the plane needs. Callbacks that raise are kept in `faults`."""

    def __init__(self, random: Random) -> None:
        self.now = 1000.0
        self.steps = 0
        self.faults: list[Exception] = []
        self._random = random
        self._ready: dict[int, dict[int, Call]] = {select.POLLIN: {}, select.POLLOUT: {}}
        self._soon: deque[Call] = deque()
        self._timers: list[tuple[float, int, Call]] = []
        self._numbers = itertools.count()
        self._poller = select.poll()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Call:
        self._soon.append(Call(callback, args))
        return self._soon[-1]

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Call:
        call = Call(callback, args)
        heapq.heappush(self._timers, (self.now + delay, next(self._numbers), call))
        return call

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        self._add(select.POLLIN, fd, Call(callback, args))

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        self._add(select.POLLOUT, fd, Call(callback, args))

    def remove_reader(self, fd: int) -> bool:
        return self._remove(select.POLLIN, fd)

    def remove_writer(self, fd: int) -> bool:
        return self._remove(select.POLLOUT, fd)

    def _add(self, kind: int, fd: int, call: Call) -> None:
        self._remove(kind, fd)
        self._ready[kind][fd] = call
        self._register(fd)

    def _remove(self, kind: int, fd: int) -> bool:
        call = self._ready[kind].pop(fd, None)
        if call is not None:
            call.cancel()
            self._register(fd)
        return call is not None

    def _register(self, fd: int) -> None:
        wanted = sum(kind for kind, calls in self._ready.items() if fd in calls)
        if wanted:
            self._poller.register(fd, wanted)
        else:
            self._poller.unregister(fd)

    def turn(self) -> bool:
        """One turn, as asyncio makes it: whether anything was to be done."""
        calls = list(self._soon)
        self._soon.clear()
        sockets = [
            self._ready[kind][fd]
            for fd, seen in self._poller.poll(0)
            for kind, other in ((select.POLLIN, select.POLLOUT), (select.POLLOUT, select.POLLIN))
            if seen & ~other and fd in self._ready[kind]
        ]
        self._random.shuffle(sockets)
        calls += sockets
        while self._timers and self._timers[0][0] <= self.now:
            calls.append(heapq.heappop(self._timers)[2])
        for call in calls:
            self._run(call)
        return bool(calls)

    def _run(self, call: Call) -> None:
        if call.cancelled:
            return
        self.steps += 1
        try:
            call.run(*call.args)
        except Exception as exc:  # as asyncio: it is told, and the loop goes on
            self.faults.append(exc)

    def wait(self) -> None:
        """Nothing is ready: the next timer's time comes, or a bit of time passes."""
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        at = self.now + STEP_S
        self.now = max(min(at, self._timers[0][0]) if self._timers else at, self.now + 1e-6)


@dataclass
class Stream:
    """What an app at A writes to one at B, which answers with the digest of it."""

    sock: socket.socket
    left: int
    wrote: Any = field(default_factory=hashlib.sha256)  # Any: hashlib names its type nowhere
    answer: bytes = b""
    ended: bool = False
    over: bool = False

    @property
    def whole(self) -> bool:
        return bool(self.answer == self.wrote.digest())


class Owner:
    """Takes every stream."""

    def __init__(self) -> None:
        self.codes: list[int | None] = []
        self.taken: list[tuple[socket.socket, Any]] = []  # Any: as above
        self.switches: list[Left] = []

    def offered(self, joint: Joint, stream: int, port: int, source: int) -> None:
        ours, theirs = app_pair()
        if joint.accept(stream, theirs, self.codes.append) is not None:
            self.taken.append((ours, hashlib.sha256()))

    def message(self, joint: Joint, port: int, source: int, body: memoryview) -> None:
        raise AssertionError("nobody sends messages")

    def routes_changed(self, joint: Joint) -> None:
        return

    def switched(self, joint: Joint, why: Left) -> None:
        self.switches.append(why)


class Simulation:
    """`run` it; then every stream is `whole`, or `over` with a code in `near.codes`."""

    def __init__(self, seed: int, *, budget: int = 1 << 27) -> None:
        self.random = Random(seed)
        self.loop = SimLoop(self.random)
        self.routers = {name: Router(self.loop) for name in ("A", "M1", "M2", "B")}
        self.near, self.far = Owner(), Owner()
        self.a = self._joint("A", self.near, budget, initiates=True)
        self.b = self._joint("B", self.far, budget, initiates=False)
        self.streams: list[Stream] = []
        self._links: dict[tuple[str, str], tuple[Link, Link]] = {}
        self._routes = 0
        for cable in CABLES:
            self.mend(*cable)

    def _joint(self, name: str, owner: Owner, budget: int, *, initiates: bool) -> Joint:
        own, peer = (ALICE, BOB) if initiates else (BOB, ALICE)
        memory = Memory(Pool(), Budget(budget), Budget(1 << 27))
        return Joint(
            self.loop, self.routers[name], own, memory, owner,
            peer=peer.public_key, id=GROUP, initiates=initiates,
        )  # fmt: skip

    # -- the network

    def mend(self, left: str, right: str) -> None:
        """A new link on that cable."""
        pair = socket.socketpair()
        for end in pair:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.random.choice([8192, 1 << 18]))
        self._links[left, right] = joined(self.routers[left], self.routers[right], pair)

    def cut(self, left: str, right: str, side: int | None) -> None:
        """Both ends hear of it at once, or one, and the other a moment later; what was under way is lost."""
        for number, link in enumerate(self._links[left, right]):
            if side in (None, number):
                link.close("a cut")

    def route(self, middle: str, cost: int = 10) -> None:
        """Order a route; it opens when its handshake has gone both ways. None where a link is away."""
        self._routes += 1
        first, last = self._links["A", middle], self._links[middle, "B"]
        if any(link.closed for link in (*first, *last)):
            return
        name = RouteName(ALICE.public_key, BOB.public_key, GROUP, self._routes, Cipher.AES)
        hops = [
            (self.routers["A"], None, first[0]),
            (self.routers[middle], first[1], last[0]),
            (self.routers["B"], last[1], None),
        ]
        try:
            install(hops, lambda joint, plan: joint.install(plan, name, cost=cost), self.a, self.b)
        except InstallError:
            return

    # -- the apps

    def dial(self, size: int) -> None:
        """A stream that is to carry so many bytes."""
        ours, theirs = app_pair()
        self.a.open(7, theirs, source=1, over=self.near.codes.append)
        self.streams.append(Stream(ours, size))

    def _apps(self) -> bool:
        """Each app does a little, or nothing: whether any did something."""
        moved = [self._write(stream) | self._read(stream) for stream in self.streams]
        moved += [self._take(*taken) for taken in self.far.taken if taken[0].fileno() >= 0]
        return any(moved)

    def _write(self, stream: Stream) -> bool:
        if stream.over or stream.ended or self.random.random() < 0.3:
            return False
        data = self.random.randbytes(min(stream.left, self.random.choice([100, BLOCK])))
        try:
            if not stream.left:
                stream.sock.shutdown(socket.SHUT_WR)
                stream.ended = True
                return True
            count = stream.sock.send(data)
        except BlockingIOError:
            return False
        except OSError:
            stream.over = True
            return True
        stream.wrote.update(data[:count])
        stream.left -= count
        return True

    def _read(self, stream: Stream) -> bool:
        if stream.over:
            return False
        try:
            data = stream.sock.recv(BLOCK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        stream.answer += data
        stream.over = not data
        return True

    def _take(self, sock: socket.socket, digest: Any) -> bool:  # Any: as above
        if self.random.random() < 0.3:
            return False
        try:
            data = sock.recv(BLOCK)
            digest.update(data)
            if not data:
                sock.send(digest.digest())
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            sock.close()
        return True

    # -- time

    def run(self, events: list[tuple[int, Callable[[], None]]], *, patience_s: float) -> bool:
        """Events by the loop's steps; whether all streams end, none of them silent for so long."""
        due = deque(sorted(events, key=lambda event: event[0]))
        moved_at = self.loop.now
        while not all(stream.over for stream in self.streams) or due:
            idle = self.loop.now - moved_at > 1.0
            while due and (idle or self.loop.steps >= due[0][0]):
                due.popleft()[1]()
                moved_at, idle = self.loop.now, False
            if self._apps():
                moved_at = self.loop.now
                self.loop.turn()
            elif not self.loop.turn():
                if self.loop.now - moved_at > patience_s:
                    return False
                self.loop.wait()
        return True

    def close(self) -> None:
        """Leave nothing open."""
        for joint in (self.a, self.b):
            joint.close()
        for router in self.routers.values():
            router.close()
        for sock in (*(stream.sock for stream in self.streams), *(sock for sock, _ in self.far.taken)):
            sock.close()
