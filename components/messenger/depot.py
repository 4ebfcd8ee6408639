"""The letters a messenger keeps, in SQLite. Each function is one piece of work for the `Writer`.

A letter goes when its receiver has signed for it, or after RETENTION_S. The receipt stays longer than any
letter could: a sender that asks late, or stores a second time, hears that it was taken. `share` counts what
is kept by sender and by receiver, in the same transaction.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from components.mesh.envelope import Receipt
from components.mesh.mail_wire import BATCH_BYTES, FULL, MAX_LETTERS, Posted
from signal_bus.ids import PublicKey

DAY_S: Final = 86_400
RETENTION_S: Final = 14 * DAY_S
RECEIPTS_S: Final = 2 * RETENTION_S + DAY_S

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS letter (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sender BLOB NOT NULL, receiver BLOB NOT NULL, id BLOB NOT NULL, sealed BLOB NOT NULL,
    stored_s INTEGER NOT NULL, UNIQUE (sender, id));
CREATE INDEX IF NOT EXISTS letter_for ON letter (receiver, number);
CREATE INDEX IF NOT EXISTS letter_age ON letter (stored_s);
CREATE TABLE IF NOT EXISTS receipt (
    sender BLOB NOT NULL, id BLOB NOT NULL, mark INTEGER NOT NULL, signed BLOB NOT NULL,
    stored_s INTEGER NOT NULL, PRIMARY KEY (sender, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS receipt_age ON receipt (stored_s);
CREATE TABLE IF NOT EXISTS share (
    key BLOB NOT NULL, sends INTEGER NOT NULL, letters INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (key, sends)) WITHOUT ROWID;
"""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much is kept from one sender, and for one receiver."""

    letters: int = 20_000
    bytes: int = 128 * 1024**2


class Kept(NamedTuple):
    """A letter on its way to its receiver."""

    number: int
    sealed: bytes


def store(
    db: sqlite3.Connection, sender: PublicKey, letters: Iterable[Posted], shares: Shares, now_s: int
) -> tuple[str, ...]:
    """Keep letters in order; a code for each, empty where it is kept or was receipted.

    Behind one that finds no room, none for the same receiver is kept: it would come before it.
    """
    codes: list[str] = []
    full: set[bytes] = set()
    for each in letters:
        if each.to in full or not _keep(db, sender, each, shares, now_s):
            full.add(each.to)
            codes.append(FULL)
        else:
            codes.append("")
    return tuple(codes)


def _keep(db: sqlite3.Connection, sender: PublicKey, posted: Posted, shares: Shares, now_s: int) -> bool:
    name = (sender, posted.id)
    if db.execute("SELECT 1 FROM letter WHERE sender=? AND id=?", name).fetchone():
        return True
    if db.execute("SELECT 1 FROM receipt WHERE sender=? AND id=?", name).fetchone():
        return True
    size = len(posted.letter)
    if not (_has_room(db, sender, 1, size, shares) and _has_room(db, posted.to, 0, size, shares)):
        return False
    db.execute(
        "INSERT INTO letter (sender, receiver, id, sealed, stored_s) VALUES (?, ?, ?, ?, ?)",
        (sender, posted.to, posted.id, posted.letter, now_s),
    )
    _count(db, sender, posted.to, 1, size)
    return True


def _has_room(db: sqlite3.Connection, key: bytes, sends: int, size: int, shares: Shares) -> bool:
    row = db.execute("SELECT letters, bytes FROM share WHERE key=? AND sends=?", (key, sends)).fetchone()
    letters, used = row or (0, 0)
    return bool(letters < shares.letters and used + size <= shares.bytes)


def _count(db: sqlite3.Connection, sender: bytes, receiver: bytes, letters: int, size: int) -> None:
    for key, sends in ((sender, 1), (receiver, 0)):
        db.execute(
            "INSERT INTO share VALUES (?, ?, ?, ?) ON CONFLICT (key, sends)"
            " DO UPDATE SET letters = letters + excluded.letters, bytes = bytes + excluded.bytes",
            (key, sends, letters, size),
        )
        db.execute("DELETE FROM share WHERE key=? AND sends=? AND letters=0", (key, sends))


def letters_for(db: sqlite3.Connection, receiver: PublicKey, after: int) -> list[Kept]:
    """The oldest letters for somebody, behind a number: as many as one message takes."""
    rows = db.execute(
        "SELECT number, sealed FROM letter WHERE receiver=? AND number>? ORDER BY number LIMIT ?",
        (receiver, after, MAX_LETTERS),
    )
    batch: list[Kept] = []
    for number, sealed in rows:
        if batch and sum(len(kept.sealed) for kept in batch) + len(sealed) > BATCH_BYTES:
            break
        batch.append(Kept(number, sealed))
    return batch


def receipted(
    db: sqlite3.Connection, receipts: Sequence[tuple[Receipt, bytes]], now_s: int
) -> list[tuple[PublicKey, bytes]]:
    """Put receipts in the place of their letters; those that say something new, with whose letters they are.

    Only for letters that are or were here: nobody can fill the store with receipts for others.
    """
    news: list[tuple[PublicKey, bytes]] = []
    for receipt, signed in receipts:
        if _receipt(db, receipt, signed, now_s):
            news.append((receipt.sender, signed))
    return news


def _receipt(db: sqlite3.Connection, receipt: Receipt, signed: bytes, now_s: int) -> bool:
    name = (receipt.sender, receipt.id)
    gone = db.execute(
        "DELETE FROM letter WHERE sender=? AND id=? AND receiver=? RETURNING length(sealed)",
        (*name, receipt.receiver),
    ).fetchone()
    if gone:
        _count(db, receipt.sender, receipt.receiver, -1, -gone[0])
    known = db.execute("SELECT mark, signed FROM receipt WHERE sender=? AND id=?", name).fetchone()
    if known is None and gone is None:
        return False
    if known and (known[0] >= receipt.mark or known[1][32:64] != receipt.receiver):
        return False
    db.execute(
        "INSERT OR REPLACE INTO receipt VALUES (?, ?, ?, ?, ?)", (*name, int(receipt.mark), signed, now_s)
    )
    return True


def drop(db: sqlite3.Connection, receiver: PublicKey, numbers: Iterable[int]) -> None:
    """Forget letters that their receiver cannot open."""
    for number in numbers:
        gone = db.execute(
            "DELETE FROM letter WHERE number=? AND receiver=? RETURNING sender, length(sealed)",
            (number, receiver),
        ).fetchone()
        if gone:
            _count(db, gone[0], receiver, -1, -gone[1])


def told(
    db: sqlite3.Connection, sender: PublicKey, ids: Sequence[bytes]
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The receipts of a sender's letters, and the ids of which nothing is known."""
    receipts, unknown = [], []
    for id_ in ids:
        row = db.execute("SELECT signed FROM receipt WHERE sender=? AND id=?", (sender, id_)).fetchone()
        if row:
            receipts.append(row[0])
        elif not db.execute("SELECT 1 FROM letter WHERE sender=? AND id=?", (sender, id_)).fetchone():
            unknown.append(id_)
    return tuple(receipts), tuple(unknown)


def sweep(db: sqlite3.Connection, now_s: int) -> int:
    """Drop what is too old; how many letters nobody came for."""
    old = db.execute(
        "DELETE FROM letter WHERE stored_s<? RETURNING sender, receiver, length(sealed)",
        (now_s - RETENTION_S,),
    ).fetchall()
    for sender, receiver, size in old:
        _count(db, sender, receiver, -1, -size)
    db.execute("DELETE FROM receipt WHERE stored_s<?", (now_s - RECEIPTS_S,))
    return len(old)


def totals(db: sqlite3.Connection) -> dict[bytes, tuple[int, int]]:
    """What is kept for each receiver: letters and bytes."""
    rows = db.execute("SELECT key, letters, bytes FROM share WHERE sends=0")
    return {key: (letters, size) for key, letters, size in rows}
