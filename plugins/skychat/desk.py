"""The store and who follows it: each change is on the disk first and told then."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from components.visor.kit.store import StoreError, Writer
from plugins.skychat import history, incoming, outgoing
from plugins.skychat.feed import Feed, Happened
from plugins.skychat.history import Row
from plugins.skychat.incoming import Full, Unread
from plugins.skychat.outgoing import Change, Copy
from plugins.skychat.progress import State
from plugins.skychat.wire import Item, Seen

__all__ = ["Desk", "Full", "StoreError", "Unread"]

FIRST: Final = 1


class Desk:
    """Of one node, whose key is `own`."""

    def __init__(
        self, writer: Writer, feed: Feed, own: bytes, clock: Callable[[], float] = time.time
    ) -> None:
        self.writer = writer
        self.feed = feed
        self.own = own
        self._clock = clock
        self.roomier = asyncio.Event()  # there may be room now for what found none

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self._clock() * 1000)

    # -- what goes out

    async def copies(self, receiver: bytes, behind: int) -> list[Copy]:
        """What the receiver does not have, in order, behind a number."""
        return await self.writer.run(partial(outgoing.open_copies, receiver=receiver, behind=behind))

    async def told(self, receiver: bytes, numbers: Sequence[int], state: State) -> None:
        """Copies with these numbers came so far."""
        if numbers:
            self._changed(await self.writer.run(lambda db: outgoing.told(db, receiver, numbers, state)))

    async def letter_told(self, letter: bytes, state: State) -> None:
        """A letter came so far."""
        self._changed(await self.writer.run(lambda db: outgoing.letter_told(db, letter, state)))

    async def again(self, receiver: bytes, first: int, behind: int) -> int:
        """The receiver lacks these numbers; how many we thought it had."""
        return await self.writer.run(lambda db: outgoing.again(db, receiver, first, behind))

    async def unseen(self, peer: bytes) -> Seen | None:
        """What a sender is to be told that it was read."""
        return await self.writer.run(partial(outgoing.unseen, peer=peer))

    async def seen_told(self, peer: bytes, seen: Seen) -> None:
        """It was told."""
        await self.writer.run(partial(outgoing.seen_told, peer=peer, seen=seen))

    # -- what comes in

    async def take(self, sender: bytes, items: Sequence[Item]) -> int:
        """Keep what came, together; the number missing next. Raises `Full`, `WireError` or `StoreError`."""
        now = self.now_ms()
        next_, rows, changes = await self.writer.run(lambda db: self._take(db, sender, items, now))
        self._came(rows)
        self._changed(changes)
        return next_

    def _take(
        self, db: sqlite3.Connection, sender: bytes, items: Sequence[Item], now: int
    ) -> tuple[int, list[Row], list[Change]]:
        incoming.check_room(db, sender)
        next_, turns, changes = FIRST, list[int](), list[Change]()
        for item in items:
            if isinstance(item, Seen):
                changes += outgoing.seen_by(db, sender, item.ids)
            else:
                taken = incoming.take(db, self.own, sender, item, now)
                next_, turns = taken.next, turns + taken.turns
        return next_, [history.text(db, turn) for turn in turns], changes

    async def sweep(self) -> None:
        """Show what waited too long for what is missing."""
        now = self.now_ms()

        def swept(db: sqlite3.Connection) -> list[Row]:
            return [history.text(db, turn) for turn in incoming.sweep(db, self.own, now)]

        self._came(await self.writer.run(swept))

    # -- telling

    def _came(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.feed.tell(Happened("row", row, row["turn"]))

    def _changed(self, changes: Iterable[Change]) -> None:
        for change in changes:
            data = {"id": change.id.hex(), "state": change.state.name.lower()}
            self.feed.tell(Happened("state", data))
