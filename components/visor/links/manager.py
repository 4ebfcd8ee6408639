"""All transports of a visor: listens, dials and redials, remembers, counts, and tells who asks.

    async with Links(identity, router, listener=bind("", 7777), folder=state) as links:
        id = await links.add(peer, "10.0.0.2:7777")
        link = links.by_id(id)

Everything it started ends with the block: tasks, timers, links, the listening socket.
"""

import asyncio
import logging
import random
import socket
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from components.mesh.doors import Bounds, Door, Doors
from components.mesh.errors import Busy, CallerError, MeshError
from components.mesh.ports import MeshPort
from components.mesh.session import Visitor
from components.mesh.transport import Label, SignedEntry, TransportType
from components.visor.links import terms
from components.visor.links.api import Change, Directory, Registrar, Relay, Row, everybody
from components.visor.links.latency import Latency, as_us
from components.visor.links.life import WANTED, Event, State
from components.visor.links.limits import (
    DIALS_AT_ONCE,
    FLUSH_S,
    GOODBYE_S,
    MEASURE_S,
    RENEW_S,
    TRANSPORTS,
    TRIED_S,
)
from components.visor.links.meter import Meter, Moved, day_of
from components.visor.links.registry import Announcer
from components.visor.links.silence import looking
from components.visor.links.store import Kept, Store, StoreError
from components.visor.links.target import parse_address
from components.visor.links.transport import Around, Transport
from components.visor.links.ways import ByMessenger, Direct, Way
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

NO_DOORS: Final[Mapping[int, Door]] = MappingProxyType({})


class NoTransport(CallerError):
    """There is no transport of this id here."""


class Links:
    """The transports of one node."""

    def __init__(
        self,
        identity: Identity,
        router: Router,
        *,
        listener: socket.socket | None = None,
        doors: Mapping[int, Door] = NO_DOORS,
        directory: Directory | None = None,
        relay: Relay | None = None,
        registrar: Registrar | None = None,
        folder: Path | None = None,
        allow: Callable[[PublicKey], bool] = everybody,
        bounds: Bounds | None = None,
        chance: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`doors` are those of other ports behind the same listener and relay; `allow` says who may link.

        The relay brings visitors to `doors_of(TransportType.DMSG)`. Without a folder nothing outlives the
        block. The router's loop gives the time.
        """
        self._identity = identity
        self._router = router
        self._listener = listener
        self._address = None if listener is None else listener.getsockname()[:2]
        self._other_doors = doors
        self._ways: dict[TransportType, Way] = {TransportType.STCPR: Direct(directory)}
        if relay is not None:
            self._ways[TransportType.DMSG] = ByMessenger(relay)
        self._announcer = None if registrar is None else Announcer(registrar, chance)
        self._store = Store(folder)
        self._allow = allow
        self._bounds = bounds
        self._chance = chance
        self._wall = wall
        self._meter = Meter()
        self._latency = Latency()
        self._transports: dict[uuid.UUID, Transport] = {}
        self._watchers: list[Callable[[Change], None]] = []
        self._stack = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._around = Around(
            identity=identity,
            router=router,
            dials=asyncio.Semaphore(DIALS_AT_ONCE),
            chance=chance,
            spawn=self._spawn,
            changed=self._changed,
            forget=self._forget,
        )

    async def __aenter__(self) -> Self:
        """Raises `StoreError`."""
        async with AsyncExitStack() as stack:
            if self._listener is not None:
                stack.enter_context(self._listener)
            await stack.enter_async_context(self._store)
            await stack.enter_async_context(self._tasks)
            stack.push_async_callback(self._end)
            stack.enter_context(looking(self._router.loop, self._transports.values))
            self._spawn(self._flush_now_and_then())
            if self._announcer is not None:
                self._spawn(self._announcer.run())
                self._spawn(self._renew())
                self._spawn(self._measure())
            if self._listener is not None:
                doors = self.doors_of(TransportType.STCPR)
                self._spawn(Doors(self._listener, self._identity, doors, self._bounds).serve())
            for kept in await self._store.wanted():
                self._want(kept.peer, kept.type, kept.address, Label.USER).persistent = True
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    # -- what users order

    @property
    def address(self) -> tuple[str, int] | None:
        """Where links are taken."""
        return self._address

    async def add(
        self,
        peer: PublicKey,
        address: str | None = None,
        type: TransportType | None = None,
        *,
        persistent: bool = True,
        label: Label = Label.USER,
    ) -> uuid.UUID:
        """Want a transport from now on; its id. Without a type, the first one that gives a link is taken.

        Raises `CallerError` for what cannot be, `Busy` for one too many, and `StoreError` where it cannot be
        remembered: it is wanted until the end of the visor then.
        """
        self._check(peer, address, type)
        transport = await self._wanted(peer, address, type, label)
        if persistent:
            await self._store.keep(Kept(transport.id, peer, transport.type, transport.address))
            transport.persistent = True
        return transport.id

    def hurry(self) -> None:
        """The network came back: dial at once what waits for its next dial, and see who still answers."""
        for transport in tuple(self._transports.values()):
            transport.hurry()

    async def remove(self, id: uuid.UUID) -> None:
        """Want a transport no more, and hang up. The peer may still want it, and dial.

        Raises `NoTransport`, or `StoreError`: nothing has changed then.
        """
        transport = self._transports.get(id)
        if transport is None:
            raise NoTransport(f"no transport {id} is here")
        await self._store.forget(id)
        transport.reason = "the transport was removed"
        transport.turn(Event.UNWANT)

    # -- what others ask

    def doors_of(self, type: TransportType) -> Mapping[int, Door]:
        """The doors for who comes by that type: links, and those of other ports. A relay needs them."""
        return {**self._other_doors, MeshPort.LINK: partial(self._answer, type)}

    def rows(self) -> list[Row]:
        """All transports, as `tp ls` tells them."""
        return [transport.row() for transport in self._transports.values()]

    def by_id(self, id: uuid.UUID) -> Link | None:
        """The link of a transport, while it is up."""
        transport = self._transports.get(id)
        return None if transport is None else transport.link

    def by_peer(self, peer: PublicKey) -> list[Link]:
        """The links to a node, the direct one first."""
        found = [each for each in self._transports.values() if each.peer == peer]
        found.sort(key=lambda each: each.type is not TransportType.STCPR)
        return [link for each in found if (link := each.link) is not None]

    def entries(self) -> list[SignedEntry]:
        """The transports that are up, signed by both edges."""
        up = (each for each in self._transports.values() if each.link is not None)
        return [each.entry for each in up if each.entry is not None]

    def watch(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call this at each change of a transport; what is returned ends that."""
        self._watchers.append(callback)
        return partial(self._watchers.remove, callback)

    async def moved(self) -> list[Moved]:
        """The bytes by transport and UTC day, up to now. Raises `StoreError`."""
        await self.flush()
        return await self._store.moved()

    async def flush(self) -> None:
        """Write down what was moved. Raises `StoreError`; it is kept for the next time then."""
        for transport in self._transports.values():
            self._count(transport)
        rows = self._meter.take()
        if not rows:
            return
        try:
            await self._store.add_bytes(rows)
        except StoreError:
            self._meter.give_back(rows)
            raise

    # -- wanting

    def _check(self, peer: PublicKey, address: str | None, type: TransportType | None) -> None:
        if peer == self._identity.public_key:
            raise CallerError("a transport has two ends")
        if address is not None:
            parse_address(address)
        if type is not None and type not in self._ways:
            raise CallerError(f"no way of type {type.value} is configured: no messenger is known")
        if address is not None and type is TransportType.DMSG:
            raise CallerError("an address is of no use by a messenger: leave it out")

    async def _wanted(
        self, peer: PublicKey, address: str | None, type: TransportType | None, label: Label
    ) -> Transport:
        """The transport of that type, or of the first type that works; of the first one if none does."""
        if type is not None or address is not None or len(self._ways) == 1:
            return self._want(peer, type or TransportType.STCPR, address, label)
        for each in self._ways:
            before = self._transport(peer, each).state
            transport = self._want(peer, each, None, label)
            try:
                async with asyncio.timeout(TRIED_S):
                    if await transport.tried():
                        return transport
            except TimeoutError:
                log.info("not tried within %g s id=%s", TRIED_S, transport.id)
            if before not in WANTED:
                transport.turn(Event.UNWANT)
        return self._want(peer, TransportType.STCPR, None, label)

    def _want(self, peer: PublicKey, type: TransportType, address: str | None, label: Label) -> Transport:
        transport = self._transport(peer, type)
        transport.label = label
        transport.address = address or transport.address
        transport.turn(Event.WANT)
        return transport

    def _transport(self, peer: PublicKey, type: TransportType) -> Transport:
        """The transport to a node by that type, if need be a new one. Raises `Busy`."""
        fresh = Transport(self._around, peer, type, self._ways.get(type))
        if fresh.id not in self._transports and len(self._transports) >= TRANSPORTS:
            raise Busy("transports", TRANSPORTS)
        return self._transports.setdefault(fresh.id, fresh)

    # -- the door

    async def _answer(self, type: TransportType, visitor: Visitor) -> None:
        """A peer asks for a link."""
        try:
            asked = terms.read_ask(visitor.args, self._identity.public_key, visitor.peer, type)
        except MeshError as exc:
            await visitor.refuse("bad-request", str(exc))
            return
        if not self._allow(visitor.peer):
            await visitor.refuse("not-allowed", "this node links with others only")
            return
        try:
            transport = self._transport(visitor.peer, type)
        except Busy as exc:
            await visitor.refuse("busy", str(exc))
            return
        try:
            await transport.answer(visitor, asked)
        finally:
            if transport.state is State.NEW and not transport.visits:
                self._forget(transport)

    # -- what transports tell

    def _changed(self, transport: Transport, link: Link | None) -> None:
        self._latency.forget(transport.id)
        self._note(transport)
        reason = "" if link is not None else transport.reason
        change = Change(transport.id, transport.peer, transport.type, link, reason)
        for watcher in tuple(self._watchers):
            try:
                watcher(change)
            except Exception:  # a fault of one who listens must not harm a link
                log.exception("a watcher failed id=%s", transport.id)

    def _forget(self, transport: Transport) -> None:
        self._latency.forget(transport.id)
        self._count(transport)
        self._transports.pop(transport.id, None)

    def _count(self, transport: Transport) -> None:
        self._meter.note(day_of(self._wall()), transport.id, *transport.take_moved())

    # -- tasks

    async def _flush_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
            except StoreError as exc:
                log.warning("the bytes of transports could not be written, they are kept: %s", exc)

    async def _renew(self) -> None:
        """Say again what is up, before services forget it."""
        while True:
            await asyncio.sleep(RENEW_S)
            for transport in self._transports.values():
                if transport.link is not None:
                    self._note(transport)

    async def _measure(self) -> None:
        """Say how far the neighbours are, where that is not what was said of them before."""
        while True:
            await asyncio.sleep(MEASURE_S)
            now = self._router.loop.time()
            for transport in self._transports.values():
                link = transport.link
                if link is not None and self._latency.is_due(transport.id, as_us(link.rtt_s), now):
                    self._note(transport)

    def _note(self, transport: Transport) -> None:
        """Have the services told how a transport is now."""
        if self._announcer is None or transport.entry is None:
            return
        link = transport.link
        rtt_us = 0 if link is None else as_us(link.rtt_s)
        self._latency.told(transport.id, rtt_us, self._router.loop.time())
        self._announcer.note(transport.id, transport.entry, up=link is not None, rtt_us=rtt_us)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:  # Any: what it never uses
        """A task that ends with the block at the latest."""
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _end(self) -> None:
        """Hang up everywhere, say so, write down what was moved."""
        for transport in tuple(self._transports.values()):
            transport.reason = "the node ends"
            transport.turn(Event.UNWANT)
        try:
            if self._announcer is not None:
                async with asyncio.timeout(GOODBYE_S):
                    await self._announcer.quiet()
        except TimeoutError:
            log.info("not all was registered within %g s", GOODBYE_S)
        finally:
            for task in tuple(self._running):
                task.cancel()
        try:
            await self.flush()
        except StoreError as exc:
            log.error("the bytes of transports could not be written: %s", exc)
