"""Takes orders for rules: the door at port 136 of a visor.

Who may order is told by `allowed`, the keys of setup nodes, looked at for each message: one taken off the
list is refused on the channel it has. With `direct`, an initiator may order rules for itself too; it signs
each order, and may give few.

An order is carried out whole or refused with a word: `no-transport`, `no-link`, `collision`, `busy`,
`bad-request`, `not-allowed`, or what the ends say. One that comes twice is answered like the first time.
"""

import asyncio
import hashlib
import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from components.mesh import payloads, setup
from components.mesh.aead import Cipher
from components.mesh.callers import Callers
from components.mesh.channel import ControlChannel, Method
from components.mesh.errors import RemoteError, TagError, WireError
from components.mesh.frame import CloseCode
from components.mesh.session import Visitor
from components.mesh.setup import ABORT, INSTALL, Abort, Install
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from components.visor.plane.table import InstallError, LegPlan, Plan
from components.visor.setup.orders import Done, Orders
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)


class Transports(Protocol):
    """The links of this node, by the ids of their transports."""

    def by_id(self, id: uuid.UUID) -> Link | None:
        """The link of a transport, where it is up."""


class Ends(Protocol):
    """Who makes the ends of routes in this node."""

    def respond(self, peer: PublicKey, group: bytes, number: int, cipher: Cipher, plan: Plan) -> None:
        """Put the end in place that waits for `peer`. Raises `InstallError`."""


@dataclass(frozen=True)
class Quota:
    """What one kind of caller may have here."""

    sessions_each: int
    sessions: int
    orders_each: int  # remembered, that is within `orders.KEPT_S`
    orders: int  # of all such callers: a key costs nothing
    session_s: float | None  # how long a session may last


SETUP_NODES: Final = Quota(sessions_each=8, sessions=128, orders_each=8192, orders=65_536, session_s=None)
DIRECT: Final = Quota(sessions_each=2, sessions=128, orders_each=64, orders=256, session_s=60.0)


def nobody(caller: PublicKey) -> bool:
    """No initiator orders rules itself."""
    del caller
    return False


class Agent:
    """Carries out orders of the setup nodes in `allowed`, and of the initiators that `direct` accepts."""

    def __init__(
        self,
        own: PublicKey,
        router: Router,
        transports: Transports,
        ends: Ends,
        allowed: Collection[PublicKey],
        *,
        direct: Callable[[PublicKey], bool] = nobody,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._own = own
        self._router = router
        self._transports = transports
        self._ends = ends
        self._allowed = allowed
        self._direct = direct
        self._orders = {SETUP_NODES: Orders(), DIRECT: Orders()}
        self._callers = {
            quota: Callers(most=quota.sessions, each=quota.sessions_each) for quota in (SETUP_NODES, DIRECT)
        }

    @property
    def sessions(self) -> int:
        """How many callers' channels are open."""
        return sum(map(len, self._callers.values()))

    # -- the door

    async def door(self, visitor: Visitor) -> None:
        """Serve one caller until it goes; refuse one who may not order."""
        quota = self._quota(visitor.peer)
        if quota is None:
            self.counts["not-allowed"] += 1
            log.warning("refused a setup node that is not allowed peer=%s", visitor.peer.hex())
            await visitor.refuse("not-allowed", "this node takes no orders from this key")
            return
        if self._callers[quota].full:
            await visitor.refuse("busy", "there are too many sessions for orders")
            return
        await self._serve(visitor, quota)

    async def _serve(self, visitor: Visitor, quota: Quota) -> None:
        caller = visitor.peer
        methods = {
            INSTALL: Method(Install, self._for(caller, self.install)),
            ABORT: Method(Abort, self._for(caller, self.abort)),
        }
        async with ControlChannel(await visitor.accept(), methods) as channel:
            with self._callers[quota].holding(channel), suppress(TimeoutError):
                async with asyncio.timeout(quota.session_s):  # its next order opens another
                    await channel.ended.wait()

    def _for(
        self,
        caller: PublicKey,
        call: Callable[[PublicKey, Any], None],  # Any: the body of that method
    ) -> Callable[[Any], Awaitable[None]]:
        async def method(body: Any) -> None:  # Any: as above
            call(caller, body)

        return method

    def _quota(self, caller: PublicKey) -> Quota | None:
        if caller in self._allowed:
            return SETUP_NODES
        return DIRECT if self._direct(caller) else None

    # -- orders

    def install(self, caller: PublicKey, install: Install) -> None:
        """Put the rule of an order in. Raises `RemoteError` with the word for why not."""
        orders = self._checked(caller, install)
        digest = hashlib.sha256(payloads.encode(install)).digest()
        known = orders.find(caller, install.order)
        if known is not None:
            if known.digest != digest:
                raise RemoteError("bad-request", "another order had this id")
            return
        try:
            places = self._carry_out(caller, install)
        except InstallError as exc:
            self.counts[exc.reason] += 1
            raise RemoteError(exc.reason, str(exc)) from exc
        self.counts["installed"] += 1
        orders.add(caller, install.order, Done(self._router.loop.time(), digest, places))

    def abort(self, caller: PublicKey, abort: Abort) -> None:
        """Take out what this caller's order put in; nothing happens where it is gone, or never came."""
        quota = self._quota(caller)
        done = self._orders[quota].take(caller, abort.order) if quota is not None else None
        if done is None:
            return
        self.counts["aborted"] += 1
        link, in_id = done.places[0]
        leg = self._router.links[link].legs.get(in_id) if link in self._router.links else None
        if leg is None or leg.route.label != abort.order.hex() or leg.route.owner != caller:
            return
        consumers = [leg.consumer for leg in leg.route.legs if leg.consumer is not None]
        self._router.uninstall(leg.route)
        for consumer in consumers:
            consumer.closed(CloseCode.NORMAL)

    def _checked(self, caller: PublicKey, install: Install) -> Orders:
        """Where an order that may be carried out is remembered. Raises `RemoteError`."""
        quota = self._quota(caller)
        if quota is None:
            raise RemoteError("not-allowed", "this node takes no orders from this key any more")
        try:
            setup.check_install(install)
            if quota is DIRECT:
                setup.check_signature(install, caller, self._own)
        except (WireError, TagError) as exc:
            raise RemoteError("bad-request", str(exc)) from exc
        end = install.end
        if end is not None and (end.initiator == self._own or (quota is DIRECT and end.initiator != caller)):
            raise RemoteError("bad-request", "the initiator is somebody else")
        orders = self._orders[quota]
        if orders.of(caller, self._router.loop.time()) >= quota.orders_each:
            raise RemoteError("busy", f"{quota.orders_each} orders of this key were carried out just now")
        if len(orders) >= quota.orders:
            raise RemoteError("busy", f"{quota.orders} orders were carried out just now")
        return orders

    def _carry_out(self, caller: PublicKey, install: Install) -> tuple[tuple[int, int], ...]:
        legs = []
        for leg in install.legs:
            link = self._transports.by_id(uuid.UUID(bytes=leg.transport))
            if link is None:
                raise InstallError(
                    "no-transport", f"transport {uuid.UUID(bytes=leg.transport)} is not up here"
                )
            legs.append(LegPlan(link=link.number, in_id=leg.in_id, out_id=leg.out_id))
        plan = Plan(legs=tuple(legs), owner=caller, label=install.order.hex())
        if install.end is None:
            self._router.install(plan)
        else:
            end = install.end
            self._ends.respond(PublicKey(end.initiator), end.group, end.number, end.cipher, plan)
        return tuple((leg.link, leg.in_id) for leg in legs)
