"""The roster passed on: what is new to a few at once, the rest by asking whoever holds other records.

A change goes to FANOUT hosts; they pass it on as news of theirs. Whoever missed it notices within a second or
two, because notes carry the digest of the roster, and asks. One task reads what comes, so that a flood
delays records only.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final

from signal_bus.peers.link import Link
from signal_bus.peers.messages import PeerRoster
from viscript.cluster.book import Alone, Book
from viscript.cluster.links import gossip
from viscript.cluster.links.switchboard import HostLink, Switchboard
from viscript.cluster.model import BadRecord, Card, Member, Signed
from viscript.cluster.roster import Roster
from viscript.store.writer import StoreError

log = logging.getLogger(__name__)

FANOUT: Final = 8
PAGES_MAX: Final = 64  # that wait to be read; more are dropped, and asked for again
ASK_AGAIN_S: Final = 3.0
SLICE: Final = 16  # signatures checked before the loop gets its turn: about a millisecond


class Gossiping:
    """Tells and asks over the links of a switchboard."""

    def __init__(self, book: Book, board: Switchboard) -> None:
        self._book = book
        self._board = board
        self._pages: asyncio.Queue[tuple[Link, PeerRoster]] = asyncio.Queue(PAGES_MAX)
        self._told: Roster | None = book.roster
        self._from: Link | None = None  # whose records are being taken: they are no news to it

    def take(self, link: Link, page: PeerRoster) -> None:
        """Something came; it is looked at soon."""
        try:
            self._pages.put_nowait((link, page))
        except asyncio.QueueFull:
            log.warning("host=%s: more records come than can be read", link.key.hex()[:16])

    def compare(self, link: HostLink, digest: bytes, now: float) -> None:
        """Another host holds records with this digest: ask, if these are not ours."""
        roster = self._book.roster
        if roster is None or not digest or digest == roster.digest or now < link.ask_again_at:
            return
        link.ask_again_at = now + ASK_AGAIN_S
        link.say(gossip.question(roster))

    def changed(self) -> None:
        """Our book changed: tell a few, who tell others."""
        before, after = self._told, self._book.roster
        self._told = after
        if after is None or (before is not None and before.digest == after.digest):
            return
        if before is not None and before.cluster != after.cluster:
            before = None
        others = [link for link in self._board.used() if link is not self._from]
        for link in random.sample(others, min(FANOUT, len(others))):
            for page in gossip.news(before, after):
                link.say(page)

    async def run(self) -> None:
        """Look at what comes, until cancelled."""
        while True:
            link, page = await self._pages.get()
            if link.over:
                continue
            try:
                await self._look(link, page)
            except BadRecord as exc:
                log.warning("host=%s: a record that is none: %s", link.key.hex()[:16], exc)
                link.end("bad-message", f"a record that is none: {exc}")
            except (Alone, StoreError) as exc:
                log.error("records of host=%s are not kept: %s", link.key.hex()[:16], exc)

    async def _look(self, link: Link, page: PeerRoster) -> None:
        roster = self._book.roster
        if roster is None:
            return
        if page.have is not None:
            for part in gossip.answer(roster, page.have):
                link.say(part)
        members: list[Signed[Member]] = []
        cards: list[Signed[Card]] = []
        for number, one in enumerate(gossip.unknown(roster, page)):
            if isinstance(one.body, Member):
                members.append(Signed(one.body, one.record))
            else:
                cards.append(Signed(one.body, one.record))
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if members or cards:
            self._from = link
            try:
                await self._book.take(members, cards)
            finally:
                self._from = None
