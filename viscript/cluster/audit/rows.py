"""The audit's table in the home's SQLite, made by `viscript.store.memory`; all of this runs in its thread."""

from __future__ import annotations

import sqlite3
from typing import Final

from signal_bus.identity import Identity
from viscript.cluster.audit.entry import NOTHING_BEFORE, BadEntry, Said, digest, read, sign

PAGE: Final = 500
MOST_DROPPED: Final = 1000  # at a time: others wait for the store's thread


def append(db: sqlite3.Connection, said: Said, signer: Identity) -> None:
    """Write an entry behind the last; the chain is made here, where nobody writes between."""
    number, before = end(db)
    record = sign(said, number=number + 1, before=before, signer=signer)
    db.execute("INSERT INTO audit VALUES (?, ?)", (number + 1, record))


def end(db: sqlite3.Connection) -> tuple[int, bytes]:
    """Number and hash of the last entry."""
    row = db.execute("SELECT number, record FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    if row is None:
        return 0, NOTHING_BEFORE
    number, record = int(row[0]), bytes(row[1])
    try:
        entry = read(record)
    except BadEntry:  # somebody wrote into the file: `verify` finds it, the audit goes on
        return number, digest(record)
    return number, entry.before if entry.kind == "cut" else digest(record)


def page(db: sqlite3.Connection, after: int) -> list[tuple[int, bytes]]:
    """The next entries behind that number, oldest first."""
    rows = db.execute(
        "SELECT number, record FROM audit WHERE number > ? ORDER BY number LIMIT ?", (after, PAGE)
    )
    return [(int(number), bytes(record)) for number, record in rows]


def page_back(db: sqlite3.Connection, before: int) -> list[tuple[int, bytes]]:
    """The next entries in front of that number, newest first."""
    rows = db.execute(
        "SELECT number, record FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?", (before, PAGE)
    )
    return [(int(number), bytes(record)) for number, record in rows]


def cut(db: sqlite3.Connection, *, oldest: float, most: int, now: float, signer: Identity) -> int:
    """Drop what is older than that, and what is more than so many; how many went.

    An entry is put in the place of the last that was dropped, and says so.
    """
    last = _last_to_drop(db, oldest, most)
    if last is None:
        return 0
    number, before = last
    db.execute("DELETE FROM audit WHERE number <= ?", (number,))
    gone = int(db.execute("SELECT changes()").fetchone()[0])
    record = sign(Said(kind="cut", time=now), number=number, before=before, signer=signer)
    db.execute("INSERT INTO audit VALUES (?, ?)", (number, record))
    return gone


def _last_to_drop(db: sqlite3.Connection, oldest: float, most: int) -> tuple[int, bytes] | None:
    """Number and hash of the newest entry that goes; None while there is nothing to drop."""
    newest = int(db.execute("SELECT coalesce(max(number), 0) FROM audit").fetchone()[0])
    last = None
    rows = db.execute("SELECT number, record FROM audit ORDER BY number LIMIT ?", (MOST_DROPPED,))
    for number, record in rows.fetchall():
        try:
            entry = read(bytes(record))
        except BadEntry:
            return last  # what was tampered with stays to be found
        if entry.kind == "cut":
            continue
        if entry.time >= oldest and number > newest - most:
            break
        last = (int(number), digest(bytes(record)))
    return last
