"""What is shown of a chat: talks, their texts, what is unread. Functions are work for the `Writer`."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from plugins.skychat.outgoing import state_of
from plugins.skychat.progress import State
from plugins.skychat.wire import KEY_BYTES, Room

MOST: Final = 200  # texts of one answer
Row = dict[str, Any]  # Any: plain data, as JSON has it
_COLUMNS: Final = "turn, talk, sender, id, mine, time_ms, is_read, leaves, text"


class Place(NamedTuple):
    """A room as we know it."""

    room: Room
    is_left: bool
    gone: frozenset[bytes]

    def receivers(self, own: bytes) -> tuple[bytes, ...]:
        """Who gets what we write there."""
        return tuple(key for key in self.room.members if key != own and key not in self.gone)


def texts(db: sqlite3.Connection, talk: bytes, *, before: int = 0, limit: int = MOST) -> list[Row]:
    """The last texts of a talk, or those before a turn; oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM message WHERE talk=? AND (?=0 OR turn<?) ORDER BY turn DESC LIMIT ?",  # noqa: S608 - ours
        (talk, before, before, min(limit, MOST)),
    ).fetchall()
    return [_row(db, *row) for row in reversed(rows)]


def text(db: sqlite3.Connection, turn: int) -> Row:
    """One text."""
    row = db.execute(f"SELECT {_COLUMNS} FROM message WHERE turn=?", (turn,)).fetchone()  # noqa: S608 - ours
    return _row(db, *row)


def mine(db: sqlite3.Connection, id_: bytes) -> Row | None:
    """A text of ours, if there is one with this id."""
    row = db.execute("SELECT turn FROM message WHERE id=? AND mine=1", (id_,)).fetchone()
    return None if row is None else text(db, row[0])


def since(db: sqlite3.Connection, turn: int, limit: int = MOST) -> list[Row]:
    """The texts of all talks behind a turn, oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM message WHERE turn>? ORDER BY turn LIMIT ?",  # noqa: S608 - ours
        (turn, min(limit, MOST)),
    ).fetchall()
    return [_row(db, *row) for row in rows]


def last(db: sqlite3.Connection) -> int:
    """The newest turn."""
    return int(db.execute("SELECT coalesce(max(turn), 0) FROM message").fetchone()[0])


def talks(db: sqlite3.Connection) -> list[Row]:
    """A row for each talk, the newest first; rooms in which nothing was said are there too."""
    rows = db.execute(
        "SELECT talk, max(turn), sum(is_read=0) FROM message GROUP BY talk"
        " UNION ALL SELECT id, 0, 0 FROM room WHERE id NOT IN (SELECT talk FROM message)"
        " ORDER BY 2 DESC"
    ).fetchall()
    return [_talk(db, talk, turn, unread) for talk, turn, unread in rows]


def recent(db: sqlite3.Connection, limit: int) -> list[bytes]:
    """The peers we talked to last, without rooms."""
    rows = db.execute(
        "SELECT talk FROM message WHERE length(talk)=? AND NOT (mine AND talk=sender)"
        " GROUP BY talk ORDER BY max(turn) DESC LIMIT ?",
        (KEY_BYTES, limit),
    )
    return [talk for (talk,) in rows]


def room(db: sqlite3.Connection, id_: bytes) -> Place | None:
    """A room, if we know it."""
    row = db.execute("SELECT definition, is_left FROM room WHERE id=?", (id_,)).fetchone()
    if row is None:
        return None
    gone = db.execute("SELECT member FROM gone WHERE room=?", (id_,)).fetchall()
    made = msgspec.msgpack.decode(row[0], type=Room)
    return Place(made, bool(row[1]), frozenset(member for (member,) in gone))


def leave(db: sqlite3.Connection, id_: bytes) -> None:
    """We take no more of a room: what comes is kept, and not unread."""
    db.execute("UPDATE room SET is_left=1 WHERE id=?", (id_,))


def unread(db: sqlite3.Connection) -> list[Row]:
    """The texts that nobody read here, oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM message WHERE is_read=0 ORDER BY turn LIMIT ?",  # noqa: S608 - ours
        (MOST,),
    ).fetchall()
    return [_row(db, *row) for row in rows]


def read(db: sqlite3.Connection, talk: bytes, *, tell: bool) -> tuple[set[bytes], int]:
    """All of a talk is read: whose texts were not, and how many. They are to be told, if `tell`."""
    found = db.execute(
        "UPDATE message SET is_read=1 WHERE talk=? AND is_read=0 RETURNING sender, id", (talk,)
    ).fetchall()
    if tell:
        db.executemany("INSERT OR IGNORE INTO unseen VALUES (?, ?)", found)
    return {sender for sender, _ in found}, len(found)


def copies(db: sqlite3.Connection, id_: bytes) -> dict[str, str]:
    """How far a text of ours came to each receiver."""
    rows = db.execute("SELECT receiver, state FROM copy WHERE id=? ORDER BY receiver", (id_,))
    return {receiver.hex(): State(state).name.lower() for receiver, state in rows}


def _row(
    db: sqlite3.Connection,
    turn: int,
    talk: bytes,
    sender: bytes,
    id_: bytes,
    mine: int,
    time_ms: int,
    is_read: int,
    leaves: int,
    text: str,
) -> Row:
    if mine:
        state = state_of(db, id_).name.lower()
    else:
        state = "read" if is_read else "unread"
    return {
        "turn": turn,
        "talk": talk.hex(),
        "id": id_.hex(),
        "sender": sender.hex(),
        "mine": bool(mine),
        "time": _time(time_ms),
        "state": state,
        "leaves": bool(leaves),
        "text": text,
    }


def _talk(db: sqlite3.Connection, talk: bytes, turn: int, unread: int) -> Row:
    row = db.execute("SELECT text, time_ms, leaves FROM message WHERE turn=?", (turn,)).fetchone()
    text, time_ms, leaves = row or ("", None, 0)
    data: Row = {
        "talk": talk.hex(),
        "kind": "peer" if len(talk) == KEY_BYTES else "room",
        "unread": int(unread),
        "last": "left the room" if leaves else text,
        "time": None if time_ms is None else _time(time_ms),
        "turn": turn,
    }
    place = room(db, talk) if data["kind"] == "room" else None
    if place is not None:
        data["name"] = place.room.name
        data["members"] = [key.hex() for key in place.room.members]
        data["is_left"] = place.is_left
    return data


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds")
