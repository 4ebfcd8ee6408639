"""The setup node's work: the door at port 36, and what it remembers of each request.

An initiator asks for routes that start at itself, by a channel it keeps. A request is remembered for as long
as its rules are provisional, so that the initiator can close it: the loser of a race between setup nodes.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Collection
from typing import Final

from components.mesh import setup
from components.mesh.builder import Builder, RouteFailed, Work
from components.mesh.callers import Callers
from components.mesh.channel import ControlChannel, Method
from components.mesh.errors import RemoteError, WireError
from components.mesh.session import Visitor
from components.mesh.setup import CLOSE, CREATE, Close, Create, Created
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

SESSIONS: Final = 1024
SESSIONS_EACH: Final = 4
UNDER_WAY: Final = 512
UNDER_WAY_EACH: Final = 128
REMEMBERED: Final = 16_384
REMEMBERED_EACH: Final = 2048
REMEMBERED_S: Final = 15.0


class SetupNode:
    """Answers initiators: all of them, or those in `allowed`."""

    def __init__(self, builder: Builder, allowed: Collection[PublicKey] | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._builder = builder
        self._allowed = allowed
        self._works: OrderedDict[tuple[PublicKey, bytes], tuple[float, Work]] = OrderedDict()
        self._remembered: Counter[PublicKey] = Counter()
        self._under_way: Counter[PublicKey] = Counter()
        self._callers = Callers(most=SESSIONS, each=SESSIONS_EACH)

    @property
    def sessions(self) -> int:
        """How many initiators' channels are open."""
        return len(self._callers)

    async def door(self, visitor: Visitor) -> None:
        """Serve one initiator until it goes; refuse one who may not ask."""
        caller = visitor.peer
        if not self._may_ask(caller):
            self.counts["not-allowed"] += 1
            await visitor.refuse("not-allowed", "this setup node serves other keys only")
        elif self._callers.full:
            await visitor.refuse("busy", "there are too many sessions here")
        else:
            await self._serve(visitor)

    async def _serve(self, visitor: Visitor) -> None:
        caller = visitor.peer

        async def create(body: Create) -> Created:
            return await self.create(caller, body)

        async def close(body: Close) -> None:
            self.close(caller, body)

        methods = {CREATE: Method(Create, create), CLOSE: Method(Close, close)}
        async with ControlChannel(await visitor.accept(), methods) as channel:
            with self._callers.holding(channel):
                await channel.ended.wait()

    def _may_ask(self, caller: PublicKey) -> bool:
        return self._allowed is None or caller in self._allowed

    async def create(self, caller: PublicKey, create: Create) -> Created:
        """Set a route up; the answer has the initiator's leg, or who failed. Raises `RemoteError`."""
        self._check(caller, create)
        work = self._builder.work(create)
        self._works[caller, create.order] = asyncio.get_running_loop().time(), work
        self._remembered[caller] += 1
        self._under_way[caller] += 1
        try:
            leg = await work.run()
        except RouteFailed as exc:
            failed = exc.failure
            if not work.given_up:  # else it lost a race, and is counted as closed
                self.counts["failed"] += 1
                log.info("no route hop=%s step=%s reason=%s", failed.key.hex(), failed.step, failed.reason)
            return Created(failed=failed)
        finally:
            _count_down(self._under_way, caller)
        self.counts["created"] += 1
        return Created(leg)

    def close(self, caller: PublicKey, close: Close) -> None:
        """Take back what a caller's create did; one unknown here has nothing to take back."""
        _, work = self._works.pop((caller, close.order), (0.0, None))
        if work is not None:
            _count_down(self._remembered, caller)
            self.counts["closed"] += 1
            work.give_up()

    def _check(self, caller: PublicKey, create: Create) -> None:
        if not self._may_ask(caller):
            raise RemoteError("not-allowed", "this setup node serves other keys only")
        try:
            setup.check_create(create, caller)
        except WireError as exc:
            raise RemoteError("bad-request", str(exc)) from exc
        self._forget()
        if (caller, create.order) in self._works:
            raise RemoteError("bad-request", "another request had this id")
        if self._under_way.total() >= UNDER_WAY or len(self._works) >= REMEMBERED:
            raise RemoteError("busy", "too many routes are being set up")
        if self._under_way[caller] >= UNDER_WAY_EACH or self._remembered[caller] >= REMEMBERED_EACH:
            raise RemoteError("busy", "too many routes are being set up for this key")

    def _forget(self) -> None:
        due = asyncio.get_running_loop().time() - REMEMBERED_S
        while self._works:
            (caller, order), (at, _) = next(iter(self._works.items()))
            if at > due:
                return
            del self._works[caller, order]
            _count_down(self._remembered, caller)


def _count_down(counter: Counter[PublicKey], key: PublicKey) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
