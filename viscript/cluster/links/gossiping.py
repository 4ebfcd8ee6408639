"""The roster passed on: what is new to a few at once, the rest by asking whoever holds other records.

A change goes to FANOUT hosts; they pass it on as news of theirs. Whoever missed it notices within a second or
two, because notes carry the digest of the roster, and asks. One task reads what comes, so that a flood
delays records only. What comes close together is taken together: each taking costs time for all records
there are, so that a thousand changes of a thousand hosts one by one would be a million.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence
from typing import Final

from signal_bus.budget import Budget
from signal_bus.ids import PublicKey
from signal_bus.peers.link import Link
from signal_bus.peers.messages import KNOWN_MAX, PeerRoster
from viscript.cluster.book import Alone, Book
from viscript.cluster.links import gossip
from viscript.cluster.links.switchboard import HostLink, Switchboard
from viscript.cluster.model import BadRecord, SignedCard, SignedMember
from viscript.cluster.roster import Roster
from viscript.store.writer import StoreError

log = logging.getLogger(__name__)

FANOUT: Final = 8
PAGES_MAX: Final = 64  # that wait to be read; more are dropped, and asked for again
ASK_AGAIN_S: Final = 3.0  # the same host
ASKS_PER_S: Final = 4.0  # questions to all, on average; while many change, nearly all hold other records
ASKS_BURST: Final = 8.0
ANSWER_AGAIN_S: Final = (
    2.0  # the same host: who asks keeps to a longer time, and an answer may be all there is
)
SETTLE_S: Final = 0.1  # between two takings: what comes meanwhile is one of them
RESTS: Final = 5.0  # times as long as the last taking took, before the next
REST_MAX_S: Final = 2.0
SLICE: Final = 16  # signatures checked before the loop gets its turn: about a millisecond


class Gossiping:
    """Tells and asks over the links of a switchboard."""

    def __init__(self, book: Book, board: Switchboard) -> None:
        self._book = book
        self._board = board
        self._pages: asyncio.Queue[tuple[Link, PeerRoster]] = asyncio.Queue(PAGES_MAX)
        self._crowded = asyncio.Event()  # so many wait that they are read at once
        self._took_at = float("-inf")
        self._took_s = 0.0
        self._asks: Budget | None = None
        self._answered: dict[PublicKey, float] = {}  # when each host was, whatever connection it came by
        self._told: Roster | None = book.roster
        self._from: Link | None = None  # whose records are being taken: they are no news to it

    def take(self, link: Link, page: PeerRoster) -> None:
        """Something came; it is looked at soon."""
        try:
            self._pages.put_nowait((link, page))
        except asyncio.QueueFull:
            log.warning("host=%s: more records come than can be read", link.key.hex()[:16])
        if self._pages.qsize() >= PAGES_MAX // 2:
            self._crowded.set()

    def compare(self, link: HostLink, digest: bytes, now: float) -> None:
        """Another host holds records with this digest: ask, if these are not ours."""
        roster = self._book.roster
        if roster is None or not digest or digest == roster.digest or now < link.ask_again_at:
            return
        asks = self._asks = self._asks or Budget(ASKS_PER_S, ASKS_BURST, now)
        if asks.take(now):
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
        pages = list(gossip.news(before, after))
        for link in random.sample(others, min(FANOUT, len(others))):
            for page in pages:
                link.say(page)

    async def run(self) -> None:
        """Look at what comes, until cancelled."""
        while True:
            batch = [await self._pages.get()]
            await self._settle()
            while not self._pages.empty():
                batch.append(self._pages.get_nowait())
            self._crowded.clear()
            try:
                await self._look(batch)
            except (Alone, StoreError) as exc:
                log.error("records of other hosts are not kept: %s", exc)

    async def _settle(self) -> None:
        """What comes alone is looked at at once; what follows waits for more of it, for a moment."""
        since = asyncio.get_running_loop().time() - self._took_at
        least = min(REST_MAX_S, RESTS * self._took_s)
        await asyncio.sleep(max(0.0, least - since))
        rest = SETTLE_S - max(since, least)
        if rest > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._crowded.wait()

    async def _look(self, batch: Sequence[tuple[Link, PeerRoster]]) -> None:
        found = gossip.Found()
        givers: set[Link] = set()
        for link, page in batch:
            roster = self._book.roster
            if link.over or roster is None:
                continue
            try:
                if await self._read(roster, link, page, found):
                    givers.add(link)
            except BadRecord as exc:
                log.warning("host=%s: a record that is none: %s", link.key.hex()[:16], exc)
                link.end("bad-message", f"a record that is none: {exc}")
        if givers:
            await self._take(found, givers)

    async def _read(self, roster: Roster, link: Link, page: PeerRoster, found: gossip.Found) -> bool:
        """Answer a question, and check what is new; whether something is. Raises `BadRecord`."""
        if page.have is not None and self._may_answer(link.key):
            for part in gossip.answer(roster, page.have):
                link.say(part)
        fresh: list[SignedMember | SignedCard] = []
        for one in gossip.unknown(roster, page, found):
            fresh.append(one)
            if len(fresh) % SLICE == 0:
                await asyncio.sleep(0)
        found.add(fresh)
        return bool(fresh)

    def _may_answer(self, host: PublicKey) -> bool:
        """One answer at a time: who asks over and over has no more work done for it than who asks once."""
        now = asyncio.get_running_loop().time()
        if now - self._answered.get(host, float("-inf")) < ANSWER_AGAIN_S:
            return False
        if len(self._answered) >= KNOWN_MAX:  # hosts that came and went
            self._answered.clear()
        self._answered[host] = now
        return True

    async def _take(self, found: gossip.Found, givers: set[Link]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._from = givers.pop() if len(givers) == 1 else None
        try:
            await self._book.take(found.members, found.cards)
        finally:
            self._from = None
            self._took_at = loop.time()
            self._took_s = self._took_at - began
