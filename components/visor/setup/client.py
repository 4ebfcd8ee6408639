"""Asks setup nodes for routes. Several are raced: the next one starts after a short while, or at a failure.

    asked 0 ms          the first in turn
    asked 200 ms later  the next one, when no answer has come    -> the first leg that comes is installed
    the others          closed in the background: what they ordered is taken back

Each asked node gets a route number of its own, so that two that both order rules do not meet at the
responder. A failure that every setup node would meet (a hop that lacks the transport) ends the race.
"""

import asyncio
import logging
import secrets
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from components.mesh.aead import Cipher
from components.mesh.builder import COLLISION, RouteFailed, failure
from components.mesh.channel import Nothing
from components.mesh.errors import CallerError, MeshError, RemoteError
from components.mesh.pool import Pool
from components.mesh.setup import (
    CLOSE,
    CREATE,
    INSTALL,
    ORDER_BYTES,
    Close,
    Create,
    Created,
    Failure,
    Hop,
    Leg,
)
from components.visor.plane.table import InstallError, LegPlan, Plan
from components.visor.setup.agent import Transports
from components.visor.setup.rotation import Rotation
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

STAGGER_S: Final = 0.2
CREATE_S: Final = 6.0
CLOSE_S: Final = 4.0
WARM_S: Final = 30.0
ATTEMPTS: Final = 4  # the first, and three more when our own leg's id was taken
MAX_CLOSING: Final = 256  # more are left to the lease of the rules
SETUP: Final = "setup"
# What a hop says of itself: another setup node would hear the same.
DECISIVE: Final = frozenset({"no-transport", "no-link", "bad-plan"})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A route to be set up. `number` draws one for each setup node that is asked."""

    group: bytes
    cipher: Cipher
    hops: tuple[Hop, ...]
    number: Callable[[], int]


@dataclass(frozen=True)
class Granted:
    """All other nodes have their rules: what is left is to install our own leg."""

    owner: PublicKey  # who ordered the rules
    number: int
    leg: Leg


Installer = Callable[[Granted], None]  # raises `InstallError`


class Creator(Protocol):
    """What sets routes up: `SetupClient`, or `DirectSetup`."""

    async def create(self, wanted: Wanted, install: Installer) -> Granted:
        """The route whose own leg `install` put in place. Raises `RouteFailed` or `CallerError`."""


def own_plan(granted: Granted, transports: Transports) -> Plan:
    """The initiator's own rule. Raises `InstallError` where its transport is down by now."""
    id = uuid.UUID(bytes=granted.leg.transport)
    link = transports.by_id(id)
    if link is None:
        raise InstallError("no-transport", f"transport {id} is not up here")
    leg = LegPlan(link=link.number, in_id=granted.leg.in_id, out_id=granted.leg.out_id)
    return Plan(legs=(leg,), owner=granted.owner)


@dataclass(frozen=True)
class _Asked:
    node: PublicKey
    create: Create


class SetupClient:
    """The setup nodes of a visor, kept warm. An `async with` inside that of its pool."""

    def __init__(
        self, own: PublicKey, pool: Pool, nodes: Sequence[PublicKey], *, stagger_s: float = STAGGER_S
    ) -> None:
        self._own = own
        self._pool = pool
        self._nodes = tuple(nodes)
        self._rotation = Rotation(nodes)
        self._stagger_s = stagger_s
        self._tasks = asyncio.TaskGroup()
        self._background: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        for node in self._nodes:
            self._spawn(self._keep_warm(node))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._background:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def create(self, wanted: Wanted, install: Installer) -> Granted:
        """The route whose own leg `install` put in place. Raises `RouteFailed` or `CallerError`."""
        if not self._nodes:
            raise CallerError("no setup node is configured (setup_nodes)")
        left = ATTEMPTS
        while True:
            left -= 1
            asked, leg = await self._race(wanted)
            granted = Granted(asked.node, asked.create.number, leg)
            try:
                install(granted)
            except InstallError as exc:
                self._close(asked)
                if exc.reason != COLLISION or not left:
                    raise RouteFailed(Failure(self._own, INSTALL, exc.reason, str(exc))) from exc
            except BaseException:
                self._close(asked)
                raise
            else:
                return granted

    # -- the race

    async def _race(self, wanted: Wanted) -> tuple[_Asked, Leg]:
        """The first leg that comes, and whose; all others asked are closed."""
        waiting = self._rotation.order(asyncio.get_running_loop().time())[::-1]
        running: dict[asyncio.Task[Leg | Failure], _Asked] = {}
        failures: list[Failure] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                try:
                    while waiting or running:
                        if waiting:
                            asked = _Asked(waiting.pop(), create_of(wanted))
                            running[tasks.create_task(self._ask(asked))] = asked
                        await asyncio.wait(
                            running,
                            timeout=self._stagger_s if waiting else None,
                            return_when=asyncio.FIRST_COMPLETED,
                        )
                        won = self._sift(running, failures)
                        if won is not None:
                            return won
                        if any(_is_decisive(failed) for failed in failures):
                            break
                finally:
                    for task in running:
                        task.cancel()
        finally:
            for loser in running.values():
                self._close(loser)
        raise RouteFailed(*_telling(failures))

    def _sift(
        self, running: dict[asyncio.Task[Leg | Failure], _Asked], failures: list[Failure]
    ) -> tuple[_Asked, Leg] | None:
        """Take those that answered out of `running`: the first leg, or what failed."""
        now = asyncio.get_running_loop().time()
        slower: list[PublicKey] = []
        for task, asked in tuple(running.items()):
            if not task.done():
                slower.append(asked.node)
                continue
            answer = task.result()
            del running[task]
            if isinstance(answer, Leg):
                self._rotation.praise(asked.node)
                for node in slower:  # asked before, and still silent
                    self._rotation.shun(node, now)
                return asked, answer
            failures.append(answer)
            if answer.step == SETUP:
                self._rotation.shun(asked.node, now)
        return None

    async def _ask(self, asked: _Asked) -> Leg | Failure:
        """One setup node's answer."""
        try:
            reply = await self._pool.call(asked.node, CREATE, asked.create, Created, deadline_s=CREATE_S)
        except MeshError as exc:
            if not isinstance(exc, RemoteError):
                self._close(asked)  # it may have begun
            told = failure(asked.node, exc)
            return Failure(asked.node, SETUP, told.reason, told.text)
        if reply.leg is not None:
            return reply.leg
        return reply.failed or Failure(asked.node, SETUP, "broken", "it answered neither yes nor no")

    # -- in the background

    def _close(self, asked: _Asked) -> None:
        if len(self._background) < MAX_CLOSING:
            self._spawn(self._tell_closed(asked))

    async def _tell_closed(self, asked: _Asked) -> None:
        try:
            await self._pool.call(asked.node, CLOSE, Close(asked.create.order), Nothing, deadline_s=CLOSE_S)
        except MeshError as exc:
            log.info("could not close a request setup=%s: %s", asked.node.hex(), exc)

    async def _keep_warm(self, node: PublicKey) -> None:
        """Hold a channel to a setup node open, so that a dial need not wait for it."""
        while True:
            try:
                await self._pool.warm(node, deadline_s=CREATE_S)
            except MeshError as exc:
                log.info("a setup node is away key=%s: %s", node.hex(), exc)
            await asyncio.sleep(WARM_S)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._tasks.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def create_of(wanted: Wanted) -> Create:
    """A request of its own, with an id and a number nobody else has."""
    order = secrets.token_bytes(ORDER_BYTES)
    return Create(order, wanted.group, wanted.number(), wanted.cipher, wanted.hops)


def _is_decisive(failed: Failure) -> bool:
    return failed.step == INSTALL and failed.reason in DECISIVE


def _telling(failures: list[Failure]) -> list[Failure]:
    """Those that name a hop first: they tell more than a setup node that is away."""
    return sorted(failures, key=lambda failed: failed.step == SETUP)
