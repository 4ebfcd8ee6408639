"""One transport: carries out what its table of life says, and holds its links.

It has one link, or for a moment two (see `rivals`). Nothing here waits but the task that dials.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from components.mesh import keys
from components.mesh.errors import MeshError
from components.mesh.session import Session, Visitor
from components.mesh.transport import Label, SignedEntry, TransportType, transport_id
from components.visor.links import life, terms
from components.visor.links.api import Row
from components.visor.links.backoff import Backoff
from components.visor.links.dialling import Dialled, Target, dial
from components.visor.links.life import Action, Event, State
from components.visor.links.limits import DIAL_S, EASED_S, FRESH_S, RETIRE_S, RETRIES, SETTLED_S, SILENT_S
from components.visor.links.rivals import DUPLICATE, NO_TOKEN, Rivals
from components.visor.links.ways import Way
from components.visor.plane.link import Link
from components.visor.plane.loop import Timer
from components.visor.plane.router import Router
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

GHOST: Final = "the neighbour had lost it"
_OUTCOMES: Final = frozenset({Event.DIALLED, Event.VISITED, Event.FAILED, Event.UNWANT})


@dataclass(frozen=True)
class Around:
    """What all transports of a node share."""

    identity: Identity
    router: Router
    dials: asyncio.Semaphore
    chance: Callable[[], float]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]  # Any: what a coroutine never uses
    changed: Callable[["Transport", Link | None], None]
    forget: Callable[["Transport"], None]


@dataclass
class _Standing:
    """A link that stands."""

    link: Link
    since: float
    retire: Timer


@dataclass
class _Bytes:
    """What links that ended carried, and what of all was logged."""

    ended: list[int] = field(default_factory=lambda: [0, 0])
    logged: list[int] = field(default_factory=lambda: [0, 0])


class Transport:
    """One transport of this node, wanted here or by the peer."""

    def __init__(self, around: Around, peer: PublicKey, type: TransportType, way: Way | None) -> None:
        """Without a way it can be taken, not dialled."""
        here = around.identity.public_key
        self.id = transport_id(here, peer, type)
        self.peer, self.type = peer, type
        self.state = State.NEW
        self.label = Label.AUTOMATIC
        self.persistent = False
        self.address: str | None = None
        self.reason = ""
        self.entry: SignedEntry | None = None
        self.visits = 0
        self._around = around
        self._way = way
        self._rivals = Rivals(smaller=keys.order(here) < keys.order(peer))
        self._links: dict[bytes, _Standing] = {}
        self._replaced: dict[bytes, tuple[bytes, ...]] = {}  # links, by the one that takes their place
        self._told: Link | None = None
        self._backoff = Backoff(around.chance)
        self._dialled_at = 0.0
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._bytes = _Bytes()
        self._tried: list[asyncio.Future[bool]] = []
        self._carry_out: dict[Action, Callable[[], None]] = {
            Action.DIAL: self._dial,
            Action.STOP_DIAL: self._stop_dial,
            Action.ARM: self._arm,
            Action.DISARM: self._disarm,
            Action.HANG_UP: self._hang_up,
            Action.TELL_UP: self._tell_up,
            Action.TELL_DOWN: self._tell_down,
            Action.FORGET: self._forget,
        }

    # -- what others ask

    @property
    def link(self) -> Link | None:
        """The link in use, while one stands."""
        standing = self._links.get(self._rivals.best())
        return None if standing is None else standing.link

    def row(self) -> Row:
        """As `tp ls` tells it."""
        link = self.link
        sent, received = self._carried()
        return Row(
            id=str(self.id),
            type=self.type.value,
            public_key=self.peer.hex(),
            label=self.label.value,
            persistent=self.persistent,
            up=link is not None,
            sent_bytes=sent,
            received_bytes=received,
            rtt_seconds=None if link is None else link.rtt_s,
            address=self.address,
            reason="" if link is not None else self.reason,
        )

    def take_moved(self) -> tuple[int, int]:
        """The bytes sent and received since this was asked last."""
        both, before = self._carried(), self._bytes.logged
        self._bytes.logged = [*both]
        return both[0] - before[0], both[1] - before[1]

    def tried(self) -> asyncio.Future[bool]:
        """Whether a link stands, once that is known."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._tried.append(future)
        if self.link is not None:
            self._settle()
        return future

    def turn(self, event: Event) -> None:
        """Something happened."""
        before = self.state
        self.state, actions = life.turn(before, event)
        if self.state is not before:
            log.debug("transport id=%s: %s on %s", self.id, self.state.name, event.name)
        for action in actions:
            self._carry_out[action]()
        if event in _OUTCOMES:
            self._settle()

    def hurry(self) -> None:
        """The network came back: wait for no timer, neither ours nor one of TCP."""
        self._backoff.reset()
        if self.link is not None:
            self.link.probe()
        if self._silent(1):
            self.turn(Event.SILENT)
        if self.state is State.WAITING or self._around.router.loop.time() - self._dialled_at >= FRESH_S:
            self.turn(Event.HURRY)

    def look(self) -> None:
        """Dial anew where the neighbour does not answer: TCP may take long to see that a network is back."""
        if self._silent(RETRIES):
            self.turn(Event.SILENT)

    def _silent(self, retries: int) -> bool:
        """Whether the link in use stands, and nothing is heard of the neighbour or gets there."""
        link = self.link
        return link is not None and (link.unanswered_s >= SILENT_S or link.retries >= retries)

    async def answer(self, visitor: Visitor, asked: terms.Ask) -> None:
        """A peer dialled: take its link, or say which one stays. Raises `MeshError`: it comes to nothing.

        A link it has lost stays until it uses the new one: it may stand there, and its end be seen first.
        """
        verdict = self._rivals.visit(asked.token, asked.ended)
        for ghost in verdict.ghosts:
            self._rivals.left(ghost)
            self._replace(ghost)
        self.visits += 1
        try:
            if verdict.duplicate_of:
                await visitor.refuse(DUPLICATE, verdict.duplicate_of.hex())
                return
            agreed, entry = terms.agree(asked, self._around.identity, self.peer)
            session = await visitor.accept(agreed)
            self._replaced[asked.token] = verdict.ghosts
            self._join(session, asked.token, entry, Event.VISITED)
            standing = self._links.get(asked.token)
            if standing is not None:
                standing.link.when_proved(lambda: self._replace(asked.token))
        finally:
            self.visits -= 1
            if asked.token not in self._links:
                self._replaced.pop(asked.token, None)
                self._close(verdict.ghosts, GHOST)

    # -- links

    def _join(self, session: Session, token: bytes, entry: SignedEntry, event: Event) -> None:
        """A session stands: it becomes a link, if it lives that long."""
        if self.state is State.ENDED or token in self._rivals:
            session.close()
            return
        around = self._around
        link = around.router.join(
            self.peer,
            session.socket,
            session.sealer,
            session.opener,
            lambda _, why: self._ended(token, why),
            session.leftover,
        )
        if link.closed:
            if event is Event.DIALLED:
                self.turn(Event.FAILED)
            return
        loop = around.router.loop
        self._links[token] = _Standing(
            link, loop.time(), loop.call_later(RETIRE_S, lambda: self._retire(token))
        )
        rivals = self._rivals.joined(token, dialled=event is Event.DIALLED)
        self.entry = entry
        self.turn(event)
        self._close(rivals, "of two links at once the other stays")

    def _ended(self, token: bytes, why: str) -> None:
        """A link ended, by the router's word."""
        self._replace(token)
        self.reason = why
        standing = self._links.pop(token, None)
        if standing is None:
            return
        standing.retire.cancel()
        self._bytes.ended[0] += standing.link.sent_bytes
        self._bytes.ended[1] += standing.link.received_bytes
        self._rivals.left(token)
        if self._around.router.loop.time() - standing.since >= SETTLED_S:
            self._backoff.reset()
        self._backoff.ease(EASED_S)
        if self._links:
            self._tell_up()
        else:
            self.turn(Event.LOST)

    def _replace(self, token: bytes) -> None:
        """The neighbour uses this link, or it ended: those whose place it took are of no use any more."""
        self._close(self._replaced.pop(token, ()), GHOST)

    def _retire(self, token: bytes) -> None:
        """This link has stood for a while; those beside it were only to bridge the change."""
        self._close(self._rivals.retired(token), "of two links at once the other stays")

    def _close(self, tokens: tuple[bytes, ...], why: str) -> None:
        for token in tokens:
            if token in self._links:
                self._links[token].link.close(why)

    def _carried(self) -> tuple[int, int]:
        live = [standing.link for standing in self._links.values()]
        sent, received = self._bytes.ended
        return (
            sent + sum(link.sent_bytes for link in live),
            received + sum(link.received_bytes for link in live),
        )

    # -- what the table orders

    def _dial(self) -> None:
        self._dialled_at = self._around.router.loop.time()
        self._task = self._around.spawn(self._dialling())

    async def _dialling(self) -> None:
        try:
            dialled = await self._dialled()
        except MeshError as exc:
            self.reason = str(exc)
        except TimeoutError:
            self.reason = f"no place answered within {DIAL_S:g} s"
        except Exception as exc:  # whatever ails a directory or a relay, it is tried again
            log.exception("a dial failed id=%s", self.id)
            self.reason = f"{type(exc).__name__}: {exc}"
        else:
            self._join(dialled.session, dialled.token, dialled.entry, Event.DIALLED)
            return
        if self.link is None:
            log.info("no link id=%s peer=%s: %s", self.id, self.peer.hex(), self.reason)
        self.turn(Event.FAILED)

    async def _dialled(self) -> Dialled:
        if self._way is None:
            raise MeshError(f"no way of type {self.type.value} is configured")
        silent = self._rivals.best() if self._silent(1) else NO_TOKEN
        target = Target(self.peer, self.type, self.label, self.address, silent)
        async with self._around.dials, asyncio.timeout(DIAL_S):
            return await dial(self._around.identity, self._way, target, self._rivals)

    def _stop_dial(self) -> None:
        assert self._task is not None  # the table: one is under way
        self._task.cancel()

    def _arm(self) -> None:
        delay_s = self._backoff.next_delay()
        self._timer = self._around.router.loop.call_later(delay_s, lambda: self.turn(Event.DUE))

    def _disarm(self) -> None:
        assert self._timer is not None  # the table: one runs
        self._timer.cancel()

    def _hang_up(self) -> None:
        self._close(tuple(self._links), self.reason)

    def _tell_up(self) -> None:
        link = self.link
        if link is not None and link is not self._told:
            log.info("up id=%s type=%s peer=%s", self.id, self.type.value, self.peer.hex())
            self._told = link
            self._around.changed(self, link)

    def _tell_down(self) -> None:
        log.info("down id=%s peer=%s: %s", self.id, self.peer.hex(), self.reason)
        self._told = None
        self._around.changed(self, None)

    def _forget(self) -> None:
        self._around.forget(self)

    def _settle(self) -> None:
        """Answer those who wait to know whether it works."""
        for future in self._tried:
            if not future.done():
                future.set_result(self.link is not None)
        self._tried.clear()
