"""The links of this host: doors opened, hosts dialled, streams given and taken, the roster passed on.

For each other host one connection is used (choose.py), found by whoever dials (dialling.py). What is known
of the hosts is kept by the fleet. A host without a cluster opens no door and dials nobody; as soon as its
book has a roster, all of this begins, and it ends when the host leaves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import zmq

from signal_bus.errors import BusError, Busy
from signal_bus.ids import PublicKey
from signal_bus.peers.link import Link, Port
from signal_bus.peers.messages import PeerHello, PeerRoster, PeerState
from signal_bus.peers.stream import Stream as Bytes
from signal_bus.wire import Keys
from viscript.cluster.book import Book
from viscript.cluster.fleet import Change, Fleet
from viscript.cluster.links.api import Caller, Handler, HostAway, HostState, Kind, Path, Reach, Stream
from viscript.cluster.links.dialling import Dialling
from viscript.cluster.links.gossiping import Gossiping
from viscript.cluster.links.letting import curves, lowered
from viscript.cluster.links.listening import Listening
from viscript.cluster.links.own import Figures, Own
from viscript.cluster.links.remembering import Remembering
from viscript.cluster.links.serving import Serving
from viscript.cluster.links.stream import HostStream
from viscript.cluster.links.switchboard import HostLink, News, Switchboard
from viscript.cluster.model import Member
from viscript.errors import ViscriptError

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5
STATE_S: Final = 1.0
TOLD_AT_A_STRETCH: Final = 50  # hosts: about a millisecond
LATE_S: Final = 1.0  # a look that comes so late was asleep itself: that is held against nobody
ADDRESSES_S: Final = 10.0  # between two looks at the addresses of this machine
TRY_AGAIN_S: Final = 5.0  # to open a door, when that failed
OUT: Final = "this key is no longer let in"
AWAY: Final = "nothing was heard of it for 15 s"


Changed = Callable[[HostState], None]


class Links:
    """Implements `HostLinks`; `run` is a task of the daemon."""

    def __init__(self, book: Book, listening: Listening, figures: Callable[[], Figures], memory: Any) -> None:
        self.relay: Callable[[Member], str | None] = lambda member: None  # a unix socket that leads to a host
        self._book = book
        self._listening = listening
        self._figures = figures
        self._me = book.identity.public_key
        self.own = Own(book, listening, figures)
        self._fleet = Fleet()
        self._board = Switchboard(self._me, self.own.hello, self)
        self._gossip = Gossiping(book, self._board)
        self._serving = Serving()
        self._remembering = Remembering(memory, self._fleet)
        self._members: Mapping[PublicKey, Member] = {}  # the others, as they are let in now
        self._diallings: dict[PublicKey, tuple[Dialling, asyncio.Task[None]]] = {}
        self._listeners: list[Changed] = []
        self._news = News()
        self._asked = asyncio.Event()
        self._open = False
        self._group: asyncio.TaskGroup | None = None

    # What the daemon and its verbs use.

    @property
    def trouble(self) -> str:
        """Why this host cannot be reached where it should listen; empty when it can."""
        return self._listening.trouble if self._open else ""

    def hosts(self) -> list[HostState]:
        """Every host of the cluster, this one first, the rest by label. Empty without a cluster."""
        me = self._book.me
        if me is None:
            return []
        now, wall = time.monotonic(), time.time()
        return [self.own.row(me, wall), *(self._explained(row) for row in self._fleet.rows(now, wall))]

    async def open(
        self, key: PublicKey, kind: Kind, deadline: float, meta: Mapping[str, str] | None = None
    ) -> Stream:
        """A stream to a host; waits for a link that is just coming up. Raises `HostAway`."""
        link = self._board.best(key) or await self._coming(key, deadline)
        if self._fleet.reach(key) is Reach.DOWN:
            raise self._away(key, AWAY)
        try:
            return HostStream(link.open(kind, dict(meta or {})), self._label(key), key)
        except Busy as exc:
            raise self._away(key, str(exc)) from exc

    async def _coming(self, key: PublicKey, deadline: float) -> Link:
        """The link to a host, which may just be coming up. Raises `HostAway`."""
        try:
            async with asyncio.timeout(deadline):
                while (link := self._board.best(key)) is None:
                    self._refuse_away(key)
                    await self._news.wait()
        except TimeoutError:
            raise self._away(key, f"no connection within {deadline:g} s") from None
        return link

    def serve(self, kind: Kind, handler: Handler) -> None:
        """Have the streams of a kind that others open carried by `handler`."""
        self._serving.register(kind, handler)

    def on_change(self, callback: Changed) -> Callable[[], None]:
        """Be told of every host that joined or whose `state` changed; the answer ends that."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def look_again(self) -> None:
        """Something this host says of itself has changed: tell the others."""
        self._asked.set()

    # Running.

    async def run(self) -> None:
        """Follow the book until cancelled."""
        unlisten = self._book.listen(lambda book: self._noticed())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._gossip.run())
                group.create_task(self._look_forever())
                await self._follow_forever(group)
        finally:
            unlisten()
            await self._remembering.keep()
            self._shut()

    def _noticed(self) -> None:
        """The roster has changed: who is out, or may do less, is cut off now; the rest has its turn."""
        present = self._present()
        for key in self._members.keys() - present.keys():
            self._board.cut(key, "revoked", OUT)
        for key in lowered(self._members, present):
            self._board.cut(key, "changed", "its role was lowered")
        self._asked.set()

    async def _follow_forever(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        try:
            while True:
                await self._follow_once()
                await self._asked.wait()
        finally:
            self._group = None  # it takes no more tasks

    async def _follow_once(self) -> None:
        """Make the links be what the book says; what fails is tried again."""
        self._asked.clear()
        try:
            await self._follow()
        except (BusError, ViscriptError, zmq.ZMQError, OSError) as exc:
            log.error("the links to other hosts: %s", exc)
            asyncio.get_running_loop().call_later(TRY_AGAIN_S, self._asked.set)

    async def _follow(self) -> None:
        roster, me = self._book.roster, self._book.me
        if roster is None or me is None:
            self._shut()
            return
        if not self._open:
            await self._listening.open(self._book.identity.curve(), self._let_in)
            self._open = True
        others = {key: member for key, member in roster.present.items() if key != self._me}
        before, self._members = self._members, others
        came, went = self._fleet.sync(others, asyncio.get_running_loop().time())
        self._gossip.changed()
        for key in self._diallings.keys() - others.keys():  # before anything that may take a while, or fail
            self._part(key)
        for key in lowered(before, others):
            self._board.cut(key, "changed", "its role was lowered")
        await self._listening.doors.let_in(curves(others))
        await self._remembering.recall([member.key for member in came])
        await self._remembering.keep((), [member.key for member in went])
        for key in others.keys() - self._diallings.keys():  # also those a fault kept from it before
            self._meet(key)
        if not await self._listening.listen():
            asyncio.get_running_loop().call_later(TRY_AGAIN_S, self._asked.set)
        if self.own.differs():
            await self._book.take(cards=[self.own.card()])
        await self._book.settle()

    def _meet(self, key: PublicKey) -> None:
        """A host belongs from now on: dial it."""
        dialling = Dialling(
            context=self._listening.doors.context,
            ways=lambda: self._ways(key),
            keys=lambda: self._keys(key),
            arrived=lambda port, way: self._dialled(port, key, way),
            yields=self._me > key,
        )
        assert self._group is not None  # while it runs
        if self._board.best(key) is not None:
            dialling.lonely.clear()
        self._diallings[key] = dialling, self._group.create_task(dialling.run())
        self._tell(self._row(key))

    def _part(self, key: PublicKey) -> None:
        """A host belongs no more."""
        _, task = self._diallings.pop(key)
        task.cancel()
        self._board.cut(key, "revoked", OUT)

    def _shut(self) -> None:
        """No doors, no links."""
        for key in tuple(self._diallings):
            self._part(key)
        self._board.close("left", "this host leaves")
        self._fleet.sync({}, 0.0)
        self._members = {}
        if self._open:
            self._open = False
            self._listening.close()

    # One host.

    def _present(self) -> Mapping[PublicKey, Member]:
        """Who belongs at this moment."""
        roster = self._book.roster
        return roster.present if roster is not None else {}

    def _label(self, key: PublicKey) -> str:
        member = self._members.get(key)
        return member.label if member is not None else key.hex()[:16]

    def _ways(self, key: PublicKey) -> tuple[str, ...]:
        member = self._members.get(key)
        if member is None:
            return ()
        relay = self.relay(member)
        return (*member.addresses, *([f"ipc://{relay}"] if relay else []))

    def _keys(self, key: PublicKey) -> Keys | None:
        member = self._members.get(key)
        return Keys(member.curve, self._book.identity.curve()) if member is not None else None

    def _dialled(self, port: Port, key: PublicKey, way: str) -> Link:
        path: Path = "relay" if way.startswith("ipc://") else "direct"
        return self._board.arrived(port, key, dialled=True, path=path)

    def _let_in(self, port: Port, key: PublicKey, *, near: bool) -> Link:
        return self._board.arrived(port, key, dialled=False, path="relay" if near else "direct")

    def _trouble(self, key: PublicKey) -> str:
        """Why there is no connection, as far as it is known."""
        known = self._diallings.get(key)
        trouble = known[0].trouble if known is not None else ""
        return trouble or ("" if self._ways(key) else "no address of it is known")

    def _explained(self, row: HostState) -> HostState:
        return row if row.path != "none" else replace(row, why=self._trouble(row.key))

    def _refuse_away(self, key: PublicKey) -> None:
        """Raises `HostAway` for a host that it is no use to wait for."""
        if key not in self._fleet:
            raise self._away(key, "it is no host of this cluster")
        if self._fleet.reach(key) is Reach.DOWN:
            raise self._away(key, self._trouble(key) or AWAY)

    def _away(self, key: PublicKey, why: str) -> HostAway:
        seen = self._row(key).last_seen if key in self._fleet else None
        return HostAway(self._label(key), key, why, seen)

    def _state(self, key: PublicKey, now: float) -> PeerState:
        echo, held_s = self._fleet.echo(key, now)
        return self.own.state(time.time(), echo, held_s)

    # What links tell.

    def linked(self, key: PublicKey, link: HostLink, hello: PeerHello) -> None:
        """There is a connection to this host."""
        if key not in self._fleet or key not in self._present():
            link.end("revoked", OUT)
            return
        now = link.heard_at
        self._fleet.greeted(key, hello.version, link.path)
        self._fleet.heard(key, now, time.time())
        if key in self._diallings:
            self._diallings[key][0].lonely.clear()
        link.state(self._state(key, now))
        self._gossip.compare(link, hello.roster, now)
        for change in self._fleet.look(now, key):
            self._changed(change)
        self._news.tell()

    def unlinked(self, key: PublicKey) -> None:
        """There is none any more."""
        self._fleet.away(key)
        if key in self._diallings:
            self._diallings[key][0].lonely.set()

    def told(self, link: Link, note: PeerState | PeerRoster) -> None:
        """A host says something."""
        assert isinstance(link, HostLink)  # made by the switchboard
        if isinstance(note, PeerRoster):
            self._gossip.take(link, note)
            return
        self._fleet.noted(link.key, note, link.heard_at, time.time())
        self._gossip.compare(link, note.roster, link.heard_at)

    def opened(self, link: Link, stream: Bytes) -> None:
        """A host opened a stream: it is carried in the role the roster gives its key."""
        member = self._present().get(link.key)
        caller = Caller(key=link.key, label=member.label, role=member.role) if member is not None else None
        if self._group is not None:
            self._group.create_task(self._serving.carry(stream, caller))

    # Time.

    async def _look_forever(self) -> None:
        loop = asyncio.get_running_loop()
        due = said_at = checked_at = loop.time()
        while True:
            due += LOOK_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            now = loop.time()
            if now - due > LATE_S:
                self._fleet.forgive(now - due)
                due = now
            if now - said_at >= STATE_S - LOOK_S / 2:
                said_at = now
                await self._say_how_we_are()
            if now - checked_at >= ADDRESSES_S:
                checked_at = now
                self._check_addresses()
            self._look(now)
            self._board.tidy(now)

    async def _say_how_we_are(self) -> None:
        """To every host; verbs and messages get their turn in between."""
        loop = asyncio.get_running_loop()
        for number, link in enumerate(self._board.used()):
            if number % TOLD_AT_A_STRETCH == TOLD_AT_A_STRETCH - 1:
                await asyncio.sleep(0)
            link.state(self._state(link.key, loop.time()))

    def _check_addresses(self) -> None:
        """Addresses of this machine may have come or gone."""
        try:
            if self._open and self.own.differs():
                self._asked.set()
        except OSError as exc:  # no descriptor to spare: looked at again soon
            log.warning("the addresses of this machine are not known for now: %s", exc)

    def _look(self, now: float) -> None:
        """See who was heard, and tell who is seen otherwise than before."""
        wall = time.time()
        for link in self._board.used():
            self._fleet.heard(link.key, link.heard_at, wall - (now - link.heard_at))
        for change in self._fleet.look(now):
            self._changed(change)

    def _changed(self, change: Change) -> None:
        if change.after is Reach.DOWN:
            self._board.cut(change.key, "silent", AWAY)
            self._news.tell()
        if self._group is not None and change.after in (Reach.SUSPECT, Reach.DOWN):
            self._group.create_task(self._remembering.keep([change.key]))
        self._tell(self._row(change.key))

    def _row(self, key: PublicKey) -> HostState:
        return self._fleet.row(key, time.monotonic(), time.time())

    def _tell(self, row: HostState) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(row)
            except Exception:  # one who listens must not keep the others from hearing of it
                log.exception("a listener of the links failed")
