"""Texts of others, in SQLite: each once, in the order of its sender. Functions are work for the `Writer`.

`take` looks for a duplicate and keeps the text in one transaction; then its sender hears that it is here.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Final, NamedTuple

import msgspec

from plugins.skychat import rooms
from plugins.skychat.rooms import RoomError
from plugins.skychat.wire import Room, Say, WireError

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
GAP_MS: Final = 30 * DAY_MS  # so long a text waits for those before it
MAX_EARLY: Final = 20_000  # of one sender
MAX_UNREAD: Final = 20_000  # of one sender; more stay with it
MAX_EPOCHS: Final = 1000  # stores of one sender; each is remembered for ever
MAX_LEFT: Final = 1000  # of a room that we left; nobody is told of them, so nobody would read them


class Full(Exception):
    """Too much of this sender waits to be read, or for what is missing."""


class Unread(Full):
    """Nothing of this sender is taken until somebody reads."""


class Taken(NamedTuple):
    """What one text came to: the turns it gave, and the number that its sender has to send next."""

    turns: list[int]
    next: int


def check_room(db: sqlite3.Connection, sender: bytes) -> None:
    """Raises `Unread` when so much of a sender is unread that no more is taken."""
    (count,) = db.execute("SELECT count(*) FROM message WHERE sender=? AND is_read=0", (sender,)).fetchone()
    if count >= MAX_UNREAD:
        raise Unread(f"{count} texts of {sender.hex()} wait to be read")


def take(db: sqlite3.Connection, own: bytes, sender: bytes, say: Say, now_ms: int) -> Taken:
    """Keep a text, unless it is here. Raises `Full`; or `WireError`, for what will never be taken."""
    next_ = _next(db, sender, say.epoch)
    if say.number > next_:
        (count,) = db.execute("SELECT count(*) FROM early WHERE sender=?", (sender,)).fetchone()
        if count >= MAX_EARLY:
            raise Full(f"{count} texts of {sender.hex()} wait for number {next_}")
        db.execute(
            "INSERT OR IGNORE INTO early VALUES (?, ?, ?, ?, ?)",
            (sender, say.epoch, say.number, now_ms, msgspec.msgpack.encode(say)),
        )
    if say.number != next_:
        return Taken([], next_)
    turns = _show(db, own, sender, say)
    return _follow(db, own, sender, say.epoch, next_ + 1, turns)


def _next(db: sqlite3.Connection, sender: bytes, epoch: int) -> int:
    row = db.execute("SELECT next FROM stream WHERE sender=? AND epoch=?", (sender, epoch)).fetchone()
    if row is not None:
        return int(row[0])
    (count,) = db.execute("SELECT count(*) FROM stream WHERE sender=?", (sender,)).fetchone()
    if count >= MAX_EPOCHS:
        raise WireError(f"{sender.hex()} began to count {count} times already")
    return 1


def _follow(
    db: sqlite3.Connection, own: bytes, sender: bytes, epoch: int, next_: int, turns: list[int]
) -> Taken:
    """Show what came early and has its turn now."""
    while True:
        row = db.execute(
            "DELETE FROM early WHERE sender=? AND epoch=? AND number=? RETURNING item", (sender, epoch, next_)
        ).fetchone()
        if row is None:
            break
        turns += _show(db, own, sender, msgspec.msgpack.decode(row[0], type=Say))
        next_ += 1
    db.execute("INSERT OR REPLACE INTO stream VALUES (?, ?, ?)", (sender, epoch, next_))
    return Taken(turns, next_)


def _show(db: sqlite3.Connection, own: bytes, sender: bytes, say: Say) -> list[int]:
    """Its turn; none when it is here already (what we wrote to ourselves), or is passed over."""
    talk = sender
    if say.room is not None:
        talk = rooms.id_of(say.room)
        try:
            rooms.check(say.room, sender, own)
            _check_unasked(db, sender, say.room, leaves=say.leaves)
        except RoomError as exc:
            log.warning("passed over a text of peer=%s: %s", sender.hex()[:8], exc)
            return []
    cursor = db.execute(
        "INSERT OR IGNORE INTO message (talk, sender, id, mine, time_ms, is_read, leaves, text)"
        " VALUES (?, ?, ?, 0, ?, ?, ?, ?)",
        (talk, sender, say.id, say.time_ms, _is_left(db, talk) or say.leaves, say.leaves, say.text),
    )
    if not cursor.rowcount:
        return []
    if say.room is not None:
        keep_room(db, talk, say.room)
    return [int(cursor.lastrowid or 0)]


def _check_unasked(db: sqlite3.Connection, sender: bytes, room: Room, *, leaves: bool) -> None:
    """Raises `RoomError` for too many texts that are never unread: `check_room` does not count them."""
    talk = rooms.id_of(room)
    known = db.execute("SELECT 1 FROM room WHERE id=?", (talk,)).fetchone()
    if leaves:
        if known is None:
            raise RoomError(f"it leaves {room.name}, of which nothing was heard")
        if not db.execute("INSERT OR IGNORE INTO gone VALUES (?, ?)", (talk, sender)).rowcount:
            raise RoomError(f"it left {room.name} already")
    elif _is_left(db, talk):
        (count,) = db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM message WHERE talk=? LIMIT ?)", (talk, MAX_LEFT)
        ).fetchone()
        if count >= MAX_LEFT:
            raise RoomError(f"{room.name} was left, and {count} texts of it are kept")


def keep_room(db: sqlite3.Connection, id_: bytes, room: Room) -> None:
    """Remember a room."""
    db.execute("INSERT OR IGNORE INTO room VALUES (?, ?, 0)", (id_, msgspec.msgpack.encode(room)))


def _is_left(db: sqlite3.Connection, talk: bytes) -> bool:
    row = db.execute("SELECT is_left FROM room WHERE id=?", (talk,)).fetchone()
    return bool(row and row[0])


def sweep(db: sqlite3.Connection, own: bytes, now_ms: int) -> list[int]:
    """Show what waited too long for what is missing; the turns it gave."""
    late = db.execute(
        "SELECT sender, epoch, min(number) FROM early WHERE came_ms<? GROUP BY sender, epoch",
        (now_ms - GAP_MS,),
    ).fetchall()
    turns: list[int] = []
    for sender, epoch, number in late:
        turns = _follow(db, own, sender, epoch, number, turns).turns
    return turns
