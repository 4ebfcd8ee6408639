"""What this host says of itself: in its hello, each second, in its card, and in its own row of `hosts`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import viscript
from signal_bus.peers.messages import PeerHello, PeerState
from viscript.cluster.book import Book
from viscript.cluster.links.api import HostState, Reach
from viscript.cluster.links.listening import Listening
from viscript.cluster.model import Card, Member, SignedCard, sign_card


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How this host is."""

    apps_up: int = 0
    apps_total: int = 0
    cpu_percent: float | None = None
    memory_bytes: int | None = None
    memory_total: int | None = None
    started_at: float = 0.0


class Own:
    """One for each daemon. What others set here is told to the other hosts within a second."""

    def __init__(self, book: Book, listening: Listening, figures: Callable[[], Figures]) -> None:
        self.draining = self.paused = False  # it takes no new work, by order
        self.mesh = b""  # the key of its visor, where it has one
        self._book = book
        self._listening = listening
        self._figures = figures
        self._key = book.identity.public_key

    def card(self) -> SignedCard:
        """What this host says of itself now."""
        return sign_card(self._body(), self._book.identity)

    def _body(self) -> Card:
        roster = self._book.roster
        before = roster.cards.get(self._key) if roster is not None else None
        version = max(int(time.time()), before.body.version + 1 if before is not None else 0)
        return Card(
            key=self._key,
            curve=self._book.identity.curve().public,
            labels=dict(self._listening.wanted.labels),
            addresses=self._listening.addresses(),
            mesh=self.mesh,
            version=version,
        )

    def differs(self) -> bool:
        """Whether the others know this host otherwise than it would say now."""
        me, now = self._book.me, self._body()
        return me is not None and (tuple(me.addresses), dict(me.labels), me.mesh) != (
            now.addresses,
            now.labels,
            now.mesh,
        )

    def hello(self) -> PeerHello | None:
        """The first message on a connection; None while this host belongs to no cluster."""
        roster, me = self._book.roster, self._book.me
        if roster is None or me is None:
            return None
        return PeerHello(
            cluster=roster.cluster,
            key=self._key,
            label=me.label,
            version=viscript.__version__,
            roster=roster.digest,
        )

    def state(self, now: float, echo: float, held_s: float) -> PeerState:
        """How this host is, to one that told its time `echo`, `held_s` ago."""
        roster, figures = self._book.roster, self._figures()
        return PeerState(
            time=now,
            echo=echo,
            held_s=held_s,
            started_at=figures.started_at,
            apps_up=figures.apps_up,
            apps_total=figures.apps_total,
            cpu_percent=figures.cpu_percent,
            memory_bytes=figures.memory_bytes,
            memory_total=figures.memory_total,
            draining=self.draining,
            paused=self.paused,
            roster=roster.digest if roster is not None else b"",
        )

    def row(self, me: Member, now: float) -> HostState:
        """Its own row."""
        figures = self._figures()
        return HostState(
            label=me.label,
            key=self._key,
            state=Reach.PAUSED if self.paused else Reach.UP,
            local=True,
            role=me.role,
            last_seen=now,
            age_seconds=0.0,
            version=viscript.__version__,
            apps_up=figures.apps_up,
            apps_total=figures.apps_total,
            cpu_percent=figures.cpu_percent,
            memory_bytes=figures.memory_bytes,
            memory_total=figures.memory_total,
            path="direct",
            clock_offset_seconds=0.0,
            started_at=figures.started_at,
            draining=self.draining,
            labels=me.labels,
            addresses=me.addresses,
        )
