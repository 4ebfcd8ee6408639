"""Carries a route out: every hop is ordered at once, and all of it stands or none of it does.

    drawn  --install to each hop, in parallel-->  all took it            the initiator's leg
                                                  a route id was taken   abort, draw new ids, again
                                                  anything else          abort, `RouteFailed` names the hop

An abort is sent in the background: nobody waits for it. What it does not reach is gone when its provisional
lease is over. Used by the setup node, and by a visor that needs none.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec

from components.mesh import rules
from components.mesh.channel import Nothing
from components.mesh.errors import (
    Busy,
    Gone,
    MeshError,
    PeerError,
    Refused,
    RemoteError,
    TimedOut,
    Unreachable,
    WorldError,
)
from components.mesh.payloads import Body
from components.mesh.rules import Drawn
from components.mesh.setup import (
    ABORT,
    INSTALL,
    ORDER_BYTES,
    Abort,
    Create,
    Failure,
    Install,
    Leg,
)
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

HOP_S: Final = 4.0  # for a hop to be reached and to answer
ATTEMPTS: Final = 4  # the first, and three more after collisions
MAX_ABORTING: Final = 1024  # more are left to the lease of the rules
COLLISION: Final = "collision"
REACH: Final = "reach"
UNREACHABLE: Final = "unreachable"
_SENTENCE: Final = 512

# The word for each kind of error, the first that fits.
_REASONS: Final[tuple[tuple[type[MeshError], str], ...]] = (
    (TimedOut, "timeout"),
    (Unreachable, UNREACHABLE),
    (Gone, "gone"),
    (Busy, "busy"),
    (PeerError, "broken"),
)


class Calls(Protocol):
    """Reaches nodes for orders: a pool of channels, or the links to neighbours."""

    async def call(
        self,
        peer: PublicKey,
        method: str,
        body: msgspec.Struct | None,
        reply: type[Body],
        *,
        deadline_s: float,
    ) -> Body:
        """The node's answer. Raises `MeshError`."""


class RouteFailed(WorldError):
    """There is no route; `failure` says at which node, at which step and why, `others` what else failed."""

    def __init__(self, failure: Failure, *others: Failure) -> None:
        super().__init__(
            "; ".join(f"{each.key.hex()}: {each.step}: {each.text}" for each in (failure, *others))
        )
        self.failure = failure
        self.others = others


def failure(key: PublicKey, exc: MeshError) -> Failure:
    """What went wrong with one node, in words."""
    answered = isinstance(exc, RemoteError) and not isinstance(exc, Refused)
    late = isinstance(exc, TimedOut) and exc.what == INSTALL
    if isinstance(exc, RemoteError):
        reason, text = exc.code, exc.text or exc.code
    else:
        reason = next((word for kind, word in _REASONS if isinstance(exc, kind)), "failed")
        text = str(exc)
    return Failure(key, INSTALL if answered or late else REACH, reason, text[:_SENTENCE])


def random_id() -> int:
    """A route id that nobody can guess."""
    return secrets.randbelow(2**32 - 1) + 1


class Builder:
    """Builds routes by a pool's channels. An `async with`; leaving it drops the aborts not yet sent."""

    def __init__(
        self,
        pool: Calls,
        *,
        sign: Callable[[Install, PublicKey], Install] | None = None,
        draw_id: Callable[[], int] = random_id,
        hop_s: float = HOP_S,
    ) -> None:
        self.hop_s = hop_s
        self.dropped_aborts = 0
        self._pool = pool
        self._sign = sign
        self._draw_id = draw_id
        self._tasks = asyncio.TaskGroup()
        self._aborting: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for task in self._aborting:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    def work(self, create: Create) -> "Work":
        """One checked request, to be run once."""
        return Work(self, create)

    def drawn(self, create: Create) -> Drawn:
        """Rules with new ids, signed where that is wanted."""
        drawn = rules.draw(create, secrets.token_bytes(ORDER_BYTES), self._draw_id)
        if self._sign is None:
            return drawn
        signed = tuple((key, self._sign(install, key)) for key, install in drawn.orders)
        return Drawn(drawn.own, signed)

    async def install(self, key: PublicKey, install: Install) -> None:
        """Order one hop. Raises `RouteFailed`."""
        try:
            await self._pool.call(key, INSTALL, install, Nothing, deadline_s=self.hop_s)
        except MeshError as exc:
            raise RouteFailed(failure(key, exc)) from exc

    def abort(self, key: PublicKey, order: bytes) -> None:
        """Take one order back, some time soon; once we end, its lease does that."""
        if self._closed or len(self._aborting) >= MAX_ABORTING:
            self.dropped_aborts += 1
            return
        task = self._tasks.create_task(self._abort(key, order))
        self._aborting.add(task)
        task.add_done_callback(self._aborting.discard)

    async def _abort(self, key: PublicKey, order: bytes) -> None:
        try:
            await self._pool.call(key, ABORT, Abort(order), Nothing, deadline_s=self.hop_s)
        except MeshError as exc:
            log.info("an abort was lost hop=%s: %s", key.hex(), exc)


class Work:
    """One route in the making; `give_up` at any time takes back what stands of it."""

    def __init__(self, builder: Builder, create: Create) -> None:
        self._builder = builder
        self._create = create
        self._standing: list[tuple[PublicKey, bytes]] = []
        self._given_up = False

    async def run(self) -> Leg:
        """The initiator's leg once all hops took their rules. Raises `RouteFailed`; nothing stands then."""
        left = ATTEMPTS
        while True:
            left -= 1
            drawn = self._builder.drawn(self._create)
            try:
                await self._order(drawn)
            except RouteFailed as exc:
                self._take_back()
                if exc.failure.reason != COLLISION or not left or self._given_up:
                    raise
            except BaseException:
                self._take_back()
                raise
            else:
                return self._finished(drawn)

    def _finished(self, drawn: Drawn) -> Leg:
        if not self._given_up:
            return drawn.own
        self._take_back()
        raise RouteFailed(Failure(self._create.source, "create", "closed", "the initiator closed it"))

    @property
    def given_up(self) -> bool:
        """Whether its initiator wants it no more."""
        return self._given_up

    def give_up(self) -> None:
        """Take everything back; a `run` under way fails."""
        self._given_up = True
        self._take_back()

    async def _order(self, drawn: Drawn) -> None:
        failed: RouteFailed | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                for key, install in drawn.orders:
                    tasks.create_task(self._order_one(key, install))
        except* RouteFailed as group:
            failed = _first(group)
        if failed is not None:
            raise failed

    async def _order_one(self, key: PublicKey, install: Install) -> None:
        entry = key, install.order
        self._standing.append(entry)
        try:
            await self._builder.install(key, install)
        except RouteFailed as exc:
            if exc.failure.reason == UNREACHABLE and entry in self._standing:
                self._standing.remove(entry)  # it heard nothing of the order
            raise

    def _take_back(self) -> None:
        standing, self._standing = self._standing, []
        for key, order in standing:
            self._builder.abort(key, order)


def _first(group: BaseExceptionGroup[RouteFailed]) -> RouteFailed:
    for exc in group.exceptions:
        if isinstance(exc, RouteFailed):
            return exc
    raise AssertionError("a group of tasks that do not nest")
