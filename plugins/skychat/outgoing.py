"""Our texts on their way, in SQLite. Functions are work for the `Writer`."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from plugins.skychat.progress import HERE, State, after
from plugins.skychat.wire import ID_BYTES, MAX_SEEN, Room, Say, Seen

BATCH: Final = 64
MAX_OPEN: Final = 20_000  # texts that one receiver does not have yet


class TooMany(Exception):
    """The receiver does not take what was written already."""


class Copy(NamedTuple):
    """One text on its way to one receiver."""

    number: int
    letter: bytes
    state: State
    say: Say


class Change(NamedTuple):
    """A text of ours whose state, over all its receivers, may be another now."""

    id: bytes
    state: State


def letter_id(id_: bytes, receiver: bytes) -> bytes:
    """The id of the letter with this text for this receiver: always the same."""
    return hashlib.blake2b(id_ + receiver, digest_size=ID_BYTES).digest()


def add(db: sqlite3.Connection, own: bytes, talk: bytes, receivers: Sequence[bytes], say: Say) -> int:
    """Keep a text of ours, and a numbered copy for each receiver; its turn. Raises `TooMany`."""
    for receiver in receivers:
        (count,) = db.execute(
            "SELECT count(*) FROM copy WHERE receiver=? AND state<4", (receiver,)
        ).fetchone()
        if count >= MAX_OPEN:
            raise TooMany(f"{receiver.hex()} has not taken the last {count} texts; no more are kept for it")
    cursor = db.execute(
        "INSERT INTO message (talk, sender, id, mine, time_ms, is_read, leaves, text)"
        " VALUES (?, ?, ?, 1, ?, 1, ?, ?)",
        (talk, own, say.id, say.time_ms, say.leaves, say.text),
    )
    for receiver in receivers:
        row = db.execute("SELECT next FROM counter WHERE receiver=?", (receiver,)).fetchone()
        number = row[0] if row else 1
        db.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)", (receiver, number + 1))
        db.execute(
            "INSERT INTO copy VALUES (?, ?, ?, ?, ?)",
            (receiver, number, say.id, letter_id(say.id, receiver), int(State.QUEUED)),
        )
    return int(cursor.lastrowid or 0)


def epoch(db: sqlite3.Connection, now_ms: int) -> int:
    """When this store began to count."""
    row = db.execute("SELECT epoch FROM epoch").fetchone()
    if row is None:
        db.execute("INSERT INTO epoch VALUES (?)", (now_ms,))
    return int(row[0]) if row else now_ms


def waiting(db: sqlite3.Connection) -> list[bytes]:
    """To whom something is to be brought."""
    rows = db.execute(
        "SELECT DISTINCT receiver FROM copy WHERE state<4 UNION SELECT DISTINCT peer FROM unseen"
    )
    return [row[0] for row in rows]


def open_copies(db: sqlite3.Connection, receiver: bytes, behind: int, limit: int = BATCH) -> list[Copy]:
    """What the receiver does not have as far as we know, in order, behind a number."""
    rows = db.execute(
        "SELECT copy.number, copy.letter, copy.state, message.id, time_ms, text, leaves, definition"
        " FROM copy JOIN message ON message.id=copy.id AND mine=1 LEFT JOIN room ON room.id=message.talk"
        " WHERE receiver=? AND state<4 AND number>? ORDER BY number LIMIT ?",
        (receiver, behind, limit),
    ).fetchall()
    counted = epoch(db, 0) if rows else 0
    return [_copy(counted, *row) for row in rows]


def _copy(
    counted: int,
    number: int,
    letter: bytes,
    state: int,
    id_: bytes,
    time_ms: int,
    text: str,
    leaves: int,
    definition: bytes | None,
) -> Copy:
    room = None if definition is None else msgspec.msgpack.decode(definition, type=Room)
    return Copy(number, letter, State(state), Say(id_, counted, number, time_ms, text, room, bool(leaves)))


def told(db: sqlite3.Connection, receiver: bytes, numbers: Iterable[int], state: State) -> list[Change]:
    """Note how far copies came, by their numbers."""
    rows = [
        db.execute("SELECT id, state FROM copy WHERE receiver=? AND number=?", (receiver, number)).fetchone()
        for number in numbers
    ]
    return [change for row in rows if row for change in _moved(db, receiver, row[0], State(row[1]), state)]


def letter_told(db: sqlite3.Connection, letter: bytes, state: State) -> list[Change]:
    """Note how far a letter came."""
    row = db.execute("SELECT receiver, id, state FROM copy WHERE letter=?", (letter,)).fetchone()
    return [] if row is None else _moved(db, row[0], row[1], State(row[2]), state)


def seen_by(db: sqlite3.Connection, receiver: bytes, ids: Iterable[bytes]) -> list[Change]:
    """Note that a receiver read texts."""
    changes: list[Change] = []
    for id_ in ids:
        row = db.execute("SELECT state FROM copy WHERE letter=?", (letter_id(id_, receiver),)).fetchone()
        if row is not None:
            changes += _moved(db, receiver, id_, State(row[0]), State.READ)
    return changes


def again(db: sqlite3.Connection, receiver: bytes, first: int, behind: int) -> int:
    """The receiver lacks what we took for delivered, from one number to before another; how many."""
    return db.execute(
        "UPDATE copy SET state=? WHERE receiver=? AND number>=? AND number<? AND state>=?",
        (int(State.QUEUED), receiver, first, behind, int(HERE)),
    ).rowcount


def _moved(db: sqlite3.Connection, receiver: bytes, id_: bytes, state: State, now: State) -> list[Change]:
    new = after(state, now)
    if new is state:
        return []
    db.execute("UPDATE copy SET state=? WHERE letter=?", (int(new), letter_id(id_, receiver)))
    return [Change(id_, state_of(db, id_))]


def state_of(db: sqlite3.Connection, id_: bytes) -> State:
    """The least state of all copies of a text; one without copies was for ourselves."""
    (least,) = db.execute("SELECT min(state) FROM copy WHERE id=?", (id_,)).fetchone()
    return State.READ if least is None else State(least)


def unseen(db: sqlite3.Connection, peer: bytes) -> Seen | None:
    """What its sender is to be told that it was read, as much as one item holds."""
    rows = db.execute("SELECT id FROM unseen WHERE peer=? LIMIT ?", (peer, MAX_SEEN)).fetchall()
    return Seen(tuple(row[0] for row in rows)) if rows else None


def seen_told(db: sqlite3.Connection, peer: bytes, seen: Seen) -> None:
    """Its sender was told."""
    db.executemany("DELETE FROM unseen WHERE peer=? AND id=?", [(peer, id_) for id_ in seen.ids])
