"""Keeps one dialled group in routes: an active one, and another by other links to fall back on.

    no route      find paths, set one up, again after a pause that grows; after a while the group is given up
    one route     look for a second path: soon after a change, then less and less often
    two routes    look for a better path now and then; the worst of three goes
    idle          a group without streams goes after some minutes

One task a group; it ends with the group.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from components.mesh.aead import Cipher, preferred
from components.mesh.endtoend import RouteName
from components.mesh.errors import MeshError, TimedOut, Unreachable, reason
from components.mesh.frame import CloseCode
from components.visor.groups.path import Path, Policy, next_path
from components.visor.groups.suspects import Suspects
from components.visor.plane.end import RouteEnd, State
from components.visor.plane.joint import Joint
from components.visor.plane.streams.errors import StreamsError
from components.visor.plane.table import InstallError, Plan
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

ROUTES: Final = 2
OPEN_S: Final = 5.0  # a route that was set up and answers no handshake
HEDGE_S: Final = 1.0  # for a whole route, where there is another path to try
PAUSE_S: Final = (0.1, 10.0)  # between two tries, doubling
LOOK_S: Final = 15.0  # for a second or a better path
SOON_S: Final = 0.5  # the first such look after a change, doubling: the directory may not know of it yet
GIVE_UP_S: Final = 120.0  # without any route, where it fell silent: a network that is away comes back
HUNG_UP_S: Final = 45.0  # the same, where it broke all at once: a peer that lives is back in seconds
RECENT_S: Final = 20.0  # of silence, and it did not fall silent: a keep-alive comes each 10 s
IDLE_S: Final = 300.0  # without any stream
PATHS: Final = 4
FAULTS: Final = (MeshError, InstallError, StreamsError, OSError)


class PathFinder(Protocol):
    """Knows the network."""

    async def paths(self, peer: PublicKey, policy: Policy, count: int) -> Sequence[Path]:
        """Up to `count` paths to `peer`, the best first. Raises `MeshError` when it cannot tell."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A route to be set up. `number` draws one for each try: none is used twice in a group."""

    peer: PublicKey
    group: bytes
    cipher: Cipher
    path: Path
    number: Callable[[], int]


Install = Callable[[int, Plan], None]
"""Puts our own end of route `number` in place; raises `InstallError`."""


class RouteMaker(Protocol):
    """Has routes set up."""

    async def create(self, order: Order, install: Install) -> int:
        """Set up all hops, our own by `install`; the route's number. Raises `MeshError` naming who failed."""


def patience_s(joint: Joint, lost_at: float) -> float:
    """How long a group waits for a route since it lost its last one; then its streams are reset."""
    return min(HUNG_UP_S, GIVE_UP_S) if lost_at - joint.heard_at < RECENT_S else GIVE_UP_S


class Upkeep:
    """One group that this node dialled."""

    def __init__(
        self,
        joint: Joint,
        policy: Policy,
        finder: PathFinder,
        maker: RouteMaker,
        over: Callable[[Upkeep], None],
        suspects: Suspects | None = None,
    ) -> None:
        self.joint = joint
        self.policy = policy
        self.paths: dict[int, Path] = {}
        self._finder = finder
        self._maker = maker
        self._over = over
        self._suspects = suspects or Suspects()
        self._changed = asyncio.Event()
        self._begun = self._ended = 0  # looks
        self._used = 0.0  # when a stream was last dialled
        self._rest_s = SOON_S
        self._pause_s = PAUSE_S[0]
        self._numbers = itertools.count(1)
        self._fault = ""
        self._closed = False

    async def ready(self) -> None:
        """Wait for a route. Raises `Unreachable` with the reason when a whole look from now on found none."""
        self._used = asyncio.get_running_loop().time()
        if self.joint.open_routes:
            return  # a new stream is no reason to look for paths
        awaited = self._begun + 1
        self._changed.set()
        while not self.joint.open_routes:
            if self._closed or self._ended >= awaited:
                raise Unreachable(self.joint.peer.hex(), self._fault)
            await self._wait(OPEN_S)

    def changed(self) -> None:
        """A route opened or went."""
        for number in [number for number in self.paths if number not in self.joint.ends]:
            del self.paths[number]
        self._rest_s = SOON_S
        self._changed.set()

    def network_changed(self) -> None:
        """A link came or went: what could not be a moment ago may be possible, also a moment from now."""
        self._pause_s = PAUSE_S[0]
        self.changed()

    def close(self) -> None:
        """End the group."""
        self._closed = True
        self._fault = "the group was closed"
        self._changed.set()

    async def run(self) -> None:
        """Until the group is closed, given up or idle for long."""
        try:
            await self._run()
        finally:
            self._closed = True
            self.joint.close(CloseCode.SHUTDOWN)
            self._changed.set()
            self._over(self)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        lonely, idle = clock(), clock()
        while not self._closed:
            now = clock()
            self._begun += 1
            made = await self._look()
            self._ended = self._begun
            self._changed.set()
            lonely = now if self.joint.open_routes else lonely
            idle = now if not self.joint.group.idle else max(idle, self._used)
            if now - lonely > patience_s(self.joint, lonely) or now - idle > IDLE_S:
                return
            if self.joint.open_routes:
                self._pause_s = PAUSE_S[0]
                await self._wait(self._rest() if made is None else 0.0)
            else:
                pause, self._pause_s = self._pause_s, min(2 * self._pause_s, PAUSE_S[1])
                await self._wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    def _rest(self) -> float:
        """Seconds until the next look while there is a route."""
        if len(self.paths) >= ROUTES:
            return LOOK_S
        rest_s, self._rest_s = self._rest_s, min(2 * self._rest_s, LOOK_S)
        return rest_s

    async def _wait(self, seconds: float) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _look(self) -> Path | None:
        """Set one more route up where that is of use, by the first path that can be; the path taken."""
        self._fault = "no path to it is known"
        try:
            found = list(await self._finder.paths(self.joint.peer, self.policy, PATHS))
        except FAULTS as exc:
            self._failed(exc)
            return None
        while (path := self._useful(found)) is not None and not self._closed:
            others = [other for other in found if other is not path]
            try:
                await self._tried(path, hurried=self._useful(others) is not None)
            except FAULTS as exc:
                self._failed(exc)
                found = others
            else:
                self._drop_worst()
                return path
        return None

    async def _tried(self, path: Path, *, hurried: bool) -> None:
        """One more route by this path; not waited for long where another path may do."""
        try:
            async with asyncio.timeout(HEDGE_S if hurried else None):
                await self._add(path)
        except TimedOut:
            self._suspect(path)
            raise
        except TimeoutError as exc:
            self._suspect(path)
            raise TimedOut("one of its paths", HEDGE_S) from exc
        self._suspects.clear(path.transports)

    def stalled(self) -> None:
        """Streams left a route because it did not answer."""
        for number, path in self.paths.items():
            if number != self.joint.group.active:
                self._suspect(path)

    def _suspect(self, path: Path) -> None:
        """Its links did not answer; one that the route in use has too is not to blame."""
        used = self.paths.get(self.joint.group.active or 0)
        good = used.transports if used is not None else frozenset[uuid.UUID]()
        self._suspects.add(path.transports - good, asyncio.get_running_loop().time())

    def _failed(self, exc: Exception) -> None:
        self._fault = reason(exc) if isinstance(exc, OSError) else str(exc)
        log.info("no route to peer=%s: %s", self.joint.peer.hex(), self._fault)

    def _useful(self, found: Sequence[Path]) -> Path | None:
        suspects = self._suspects.at(asyncio.get_running_loop().time())
        path = next_path(found, self.paths.values(), self.policy, suspects)
        if path is None or len(self.paths) < ROUTES:
            return path
        worst = max(used.cost for used in self.paths.values())
        return path if path.cost < worst else None

    async def _add(self, path: Path) -> None:
        """A whole new route, open at this end."""
        joint, cipher = self.joint, preferred()[0]
        order = Order(
            peer=joint.peer, group=joint.id, cipher=cipher, path=path, number=partial(next, self._numbers)
        )
        ends: dict[int, RouteEnd] = {}

        def install(number: int, plan: Plan) -> None:
            if self._closed:
                raise InstallError("closed", "the group was closed")
            name = RouteName(joint.identity.public_key, joint.peer, joint.id, number, cipher)
            ends[number] = joint.install(plan, name, cost=path.cost)
            self.paths[number] = path

        try:
            await self._opened(ends[await self._maker.create(order, install)])
        except asyncio.CancelledError:
            for end in ends.values():
                end.close(CloseCode.NORMAL)
            raise

    async def _opened(self, end: RouteEnd) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + OPEN_S
        while end.state is State.ASKING:
            left = deadline - clock()
            if left <= 0:
                end.close(CloseCode.NORMAL)
                raise TimedOut("the handshake of the route", OPEN_S)
            await self._wait(left)
        if end.state is not State.OPEN:
            raise Unreachable(self.joint.peer.hex(), "the route went while it was set up")

    def _drop_worst(self) -> None:
        """Of three routes the dearest goes, unless streams use it: then they move first."""
        if len(self.paths) <= ROUTES:
            return
        idle = [number for number in self.paths if number != self.joint.group.active]
        worst = max(idle, key=lambda number: self.paths[number].cost)
        self.joint.ends[worst].close(CloseCode.NORMAL)
