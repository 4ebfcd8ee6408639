"""Letters to us, in SQLite: each once, in the order of its sender. Functions are work for the `Writer`.

`take` looks for a duplicate and keeps the letter in one transaction; only then it is signed for. What came
before its turn waits for the numbers before it. Its turn comes without them once the sender says (by the
floor of a later letter) that it gave them up, or after GAP_MS.

A sender's next number stays for ever, so a letter that comes again after years is still known; of a sender
that counts anew again and again, those of its newest stores do.
"""

import sqlite3
from typing import Final, NamedTuple

from components.mesh import mail_ports
from components.mesh.envelope import Letter, Mark
from components.mesh.mail_wire import Numbered
from signal_bus.ids import PublicKey

DAY_MS: Final = 86_400_000
GAP_MS: Final = 30 * DAY_MS  # longer than a sender tries and a messenger keeps, together
FORGET_MS: Final = 60 * DAY_MS
MAX_UNREAD: Final = 20_000  # of one sender
MAX_EPOCHS: Final = 1000  # stores of one sender

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS stream (
    sender BLOB NOT NULL, epoch INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (sender, epoch)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (
    sender BLOB NOT NULL, id BLOB NOT NULL, epoch INTEGER NOT NULL, number INTEGER NOT NULL,
    time_ms INTEGER NOT NULL, came_ms INTEGER NOT NULL, messenger BLOB NOT NULL,
    turn INTEGER UNIQUE, is_read INTEGER NOT NULL DEFAULT 0, message BLOB,
    PRIMARY KEY (sender, id), UNIQUE (sender, epoch, number));
CREATE INDEX IF NOT EXISTS inbox_unread ON inbox (turn) WHERE is_read=0;
CREATE INDEX IF NOT EXISTS inbox_unread_of ON inbox (sender) WHERE is_read=0;
CREATE TABLE IF NOT EXISTS turns (last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS owed (
    messenger BLOB NOT NULL, sender BLOB NOT NULL, id BLOB NOT NULL, signed BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (messenger, sender, id)) WITHOUT ROWID;
"""


class Message(NamedTuple):
    """A message to us. `turn` is its place among all."""

    sender: PublicKey
    id: bytes
    time_ms: int
    message: bytes
    turn: int


def take(
    db: sqlite3.Connection, letter: Letter, body: Numbered, messenger: PublicKey, now_ms: int
) -> Mark | None:
    """Keep a letter, unless it is here; what to sign for it, or None while there is no room."""
    known = db.execute(
        "SELECT is_read FROM inbox WHERE sender=? AND id=?", (letter.sender, letter.id)
    ).fetchone()
    if known:
        return Mark.READ if known[0] else Mark.DELIVERED
    name = (letter.sender, body.epoch)
    row = db.execute("SELECT next FROM stream WHERE sender=? AND epoch=?", name).fetchone()
    next_ = row[0] if row else 1
    if body.number < next_:
        return Mark.DELIVERED  # it had its turn, or its sender gave it up
    unread = db.execute("SELECT count(*) FROM inbox WHERE sender=? AND is_read=0", (letter.sender,))
    if unread.fetchone()[0] >= MAX_UNREAD:
        return None
    db.execute(
        "INSERT OR IGNORE INTO inbox VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0, ?)",
        (letter.sender, letter.id, *name[1:], body.number, letter.time_ms, now_ms, messenger, body.message),
    )
    _advance(db, *name, next_, body.floor)
    if row is None:
        _forget_stores(db, letter.sender)
    return Mark.DELIVERED


def _forget_stores(db: sqlite3.Connection, sender: PublicKey) -> None:
    """Keep the count of a sender's newest stores only: each is named by the time it was made."""
    oldest = db.execute(
        "SELECT epoch FROM stream WHERE sender=? ORDER BY epoch DESC LIMIT 1 OFFSET ?", (sender, MAX_EPOCHS)
    ).fetchone()
    if oldest:
        db.execute("DELETE FROM stream WHERE sender=? AND epoch<=?", (sender, oldest[0]))


def _advance(db: sqlite3.Connection, sender: PublicKey, epoch: int, next_: int, floor: int) -> None:
    """Give their turn to all letters below the floor and to those that follow without a gap."""
    rows = db.execute(
        "SELECT number FROM inbox WHERE sender=? AND epoch=? AND number>=? AND turn IS NULL ORDER BY number",
        (sender, epoch, next_),
    ).fetchall()
    for (number,) in rows:
        if number >= floor:
            next_ = max(next_, floor)
            if number > next_:
                break
        _give_turn(db, sender, epoch, number)
        next_ = number + 1
    next_ = max(next_, floor)
    db.execute("INSERT OR REPLACE INTO stream VALUES (?, ?, ?)", (sender, epoch, next_))


def _give_turn(db: sqlite3.Connection, sender: PublicKey, epoch: int, number: int) -> None:
    row = db.execute("SELECT last FROM turns").fetchone()
    if row is None:
        db.execute("INSERT INTO turns VALUES (0)")
    turn = (row[0] if row else 0) + 1
    db.execute("UPDATE turns SET last=?", (turn,))
    db.execute(
        "UPDATE inbox SET turn=? WHERE sender=? AND epoch=? AND number=?", (turn, sender, epoch, number)
    )


def unread(db: sqlite3.Connection, after: int, limit: int, port: int = mail_ports.PEOPLE) -> list[Message]:
    """Messages for a port that were not read, in their turn, behind a place; without their heads."""
    front = mail_ports.head(port)
    headless = "substr(message, 1, 1)<>x'00'" if port == mail_ports.PEOPLE else "0"
    rows = db.execute(
        "SELECT sender, id, time_ms, message, turn FROM inbox WHERE is_read=0 AND turn>?"  # noqa: S608 - ours
        f" AND (substr(message, 1, {len(front)})=? OR {headless}) ORDER BY turn LIMIT ?",
        (after, front, limit),
    )
    return [
        Message(PublicKey(sender), id_, time_ms, mail_ports.addressed(message).message, turn)
        for sender, id_, time_ms, message, turn in rows
    ]


def read(db: sqlite3.Connection, sender: PublicKey, id_: bytes, signed: bytes, now_ms: int) -> bool:
    """Note that a message was read, and what its sender is owed for it; False when that is no news."""
    row = db.execute(
        "UPDATE inbox SET is_read=1, message=NULL"
        " WHERE sender=? AND id=? AND is_read=0 AND turn IS NOT NULL RETURNING messenger",
        (sender, id_),
    ).fetchone()
    if row:
        db.execute(
            "INSERT OR REPLACE INTO owed VALUES (?, ?, ?, ?, ?)", (row[0], sender, id_, signed, now_ms)
        )
    return bool(row)


def owed(db: sqlite3.Connection, messenger: PublicKey, limit: int) -> list[bytes]:
    """Receipts to be handed to a messenger."""
    rows = db.execute("SELECT signed FROM owed WHERE messenger=? ORDER BY at_ms LIMIT ?", (messenger, limit))
    return [row[0] for row in rows]


def paid(db: sqlite3.Connection, messenger: PublicKey, receipts: list[bytes]) -> None:
    """The messenger has these receipts."""
    db.executemany(
        "DELETE FROM owed WHERE messenger=? AND signed=?", [(messenger, signed) for signed in receipts]
    )


def sweep(db: sqlite3.Connection, now_ms: int) -> None:
    """Give their turn to letters that waited too long, and forget what was read long ago."""
    late = db.execute(
        "SELECT sender, epoch, max(number) FROM inbox WHERE turn IS NULL AND came_ms<?"
        " GROUP BY sender, epoch",
        (now_ms - GAP_MS,),
    ).fetchall()
    for sender, epoch, number in late:
        row = db.execute("SELECT next FROM stream WHERE sender=? AND epoch=?", (sender, epoch)).fetchone()
        _advance(db, PublicKey(sender), epoch, row[0] if row else 1, number + 1)
    db.execute("DELETE FROM inbox WHERE is_read=1 AND came_ms<?", (now_ms - FORGET_MS,))
    db.execute("DELETE FROM owed WHERE at_ms<?", (now_ms - FORGET_MS,))
