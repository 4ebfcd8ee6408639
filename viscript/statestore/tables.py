"""The tables of the SQLite engine and what is done with them. No clock, no thread: the moment is given.

number   revision: of the newest change; compacted: the newest one whose history is not kept
item     what there is
lease    when each ends, on a clock that begins at boot; those of an earlier boot have ended
owner    which other host a lease was granted to; those of this host have none
change   the history: what each revision did to a key
"""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from viscript.statestore.api import Batch, Compare, Delete, Event, Get, Item, Op, Put, Range, Result, Txn
from viscript.statestore.checking import end_of
from viscript.statestore.errors import Compacted, LeaseGone

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
    key BLOB PRIMARY KEY, value BLOB NOT NULL, created INTEGER NOT NULL, revision INTEGER NOT NULL,
    lease INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS item_lease ON item (lease) WHERE lease != 0;
CREATE TABLE IF NOT EXISTS lease (
    id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL, deadline REAL NOT NULL, boot TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS owner (lease INTEGER PRIMARY KEY, host BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS owner_host ON owner (host);
CREATE TABLE IF NOT EXISTS change (
    revision INTEGER NOT NULL, key BLOB NOT NULL, deleted INTEGER NOT NULL, value BLOB NOT NULL,
    created INTEGER NOT NULL, lease INTEGER NOT NULL, PRIMARY KEY (revision, key)
);
"""
_SIGNS: Final[dict[str, Callable[[Any, Any], bool]]] = {  # Any: two numbers, or two values
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
COMPACT_EVERY: Final = 256  # revisions between two looks at the history
KEPT_REVISIONS: Final = 10_000
KEPT_BYTES: Final = 32 << 20
PAGE: Final = 500  # changes read at once

_ITEM: Final = "key, value, created, revision, lease"
_Row = tuple[bytes, bytes, int, int, int]


@dataclass(frozen=True)
class Now:
    """The moment: seconds since boot, and which boot."""

    clock: float
    boot: str


def revision(db: sqlite3.Connection) -> int:
    """Of the newest change; 1 in an empty store, as in etcd."""
    return _number(db, "revision", 1)


def count_from(db: sqlite3.Connection, first: int) -> None:
    """Let revisions be at least that high from now on."""
    _set_number(db, "revision", max(revision(db), first))
    _set_number(db, "compacted", max(_number(db, "compacted", 0), revision(db)))


def get(db: sqlite3.Connection, key: bytes) -> Item | None:
    """One item."""
    row = db.execute(f"SELECT {_ITEM} FROM item WHERE key=?", (key,)).fetchone()  # noqa: S608 (our columns)
    return None if row is None else _item(row)


def listed(db: sqlite3.Connection, prefix: bytes) -> Range:
    """All items of a prefix."""
    where, bounds = _below(prefix)
    rows = db.execute(f"SELECT {_ITEM} FROM item WHERE {where} ORDER BY key", bounds)  # noqa: S608 (as above)
    return Range(revision(db), tuple(map(_item, rows)))


def transact(
    db: sqlite3.Connection,
    compare: Sequence[Compare],
    then: Sequence[Op],
    otherwise: Sequence[Op],
    *,
    guard: Callable[[Sequence[Op]], None] = lambda operations: None,
) -> Txn:
    """One transaction. Raises `LeaseGone`, and what `guard` does; whoever calls undoes it then.

    `guard` sees what would be carried out, before it is.
    """
    ok = all(_holds(one, get(db, one.key.encode())) for one in compare)
    operations = then if ok else otherwise
    guard(operations)
    before = revision(db)
    at = before + 1
    results = tuple(_carry_out(db, one, at) for one in operations)
    changed = db.execute("SELECT 1 FROM change WHERE revision=?", (at,)).fetchone() is not None
    if changed:
        _reach(db, at)
    return Txn(ok, at if changed else before, results)


def grant(db: sqlite3.Connection, lease: int, ttl_s: int, now: Now) -> bool:
    """Begin a lease; false when there is one of that number."""
    values = (lease, ttl_s, now.clock + ttl_s, now.boot)
    return db.execute("INSERT OR IGNORE INTO lease VALUES (?, ?, ?, ?)", values).rowcount == 1


def keep(db: sqlite3.Connection, lease: int, now: Now) -> int:
    """Begin its time anew; how long it has. Raises `LeaseGone`."""
    row = db.execute("SELECT ttl FROM lease WHERE id=?", (lease,)).fetchone()
    if row is None:
        raise LeaseGone(lease)
    db.execute("UPDATE lease SET deadline=? WHERE id=?", (now.clock + row[0], lease))
    return int(row[0])


def end_lease(db: sqlite3.Connection, lease: int) -> None:
    """Take it away with all that was written under it, at one revision."""
    db.execute("DELETE FROM lease WHERE id=?", (lease,))
    db.execute("DELETE FROM owner WHERE lease=?", (lease,))
    keys = [key for (key,) in db.execute("SELECT key FROM item WHERE lease=? ORDER BY key", (lease,))]
    at = revision(db) + 1
    for key in keys:
        _delete(db, key, at)
    if keys:
        _reach(db, at)


def sweep(db: sqlite3.Connection, now: Now) -> None:
    """End every lease whose time is over."""
    over = db.execute(
        "SELECT id FROM lease WHERE boot != ? OR deadline <= ? ORDER BY deadline", (now.boot, now.clock)
    ).fetchall()
    for (lease,) in over:
        end_lease(db, lease)


def begin_anew(db: sqlite3.Connection, now: Now) -> None:
    """Let every lease have its whole time from now on, those of an earlier boot too."""
    db.execute("UPDATE lease SET deadline = ? + ttl, boot = ?", (now.clock, now.boot))


def changes(db: sqlite3.Connection, prefix: bytes, from_revision: int) -> tuple[list[Batch], int]:
    """Some of what happened from there on, and where to go on. Raises `Compacted`."""
    compacted = _number(db, "compacted", 0)
    if from_revision <= compacted:
        raise Compacted(compacted)
    where, bounds = _below(prefix)
    rows = _happened(db, f"revision >= ? AND {where}", (from_revision, *bounds), PAGE)
    newest = revision(db)
    if len(rows) == PAGE:  # the last revision may not be whole
        newest = rows[-1][3] - 1
        rows = [row for row in rows if row[3] <= newest]
    if newest < from_revision <= revision(db):  # the first one is more than a page: a lease had many keys
        newest += 1
        rows = _happened(db, f"revision = ? AND {where}", (newest, *bounds), -1)
    batches = [
        Batch(at, tuple(Event(_item(row[:5]), bool(row[5])) for row in of_one))
        for at, of_one in groupby(rows, key=lambda row: int(row[3]))
    ]
    return batches, max(newest + 1, from_revision)


def compact(db: sqlite3.Connection, *, revisions: int = KEPT_REVISIONS, size: int = KEPT_BYTES) -> None:
    """Drop the oldest history beyond the bounds."""
    newest = revision(db)
    (heavy,) = db.execute(
        "SELECT max(revision) FROM (SELECT revision, sum(length(value) + length(key))"
        " OVER (ORDER BY revision DESC) AS total FROM change) WHERE total > ?",
        (size,),
    ).fetchone()
    upto = max(newest - revisions, min(heavy or 0, newest - 1))
    if upto > _number(db, "compacted", 0):
        db.execute("DELETE FROM change WHERE revision <= ?", (upto,))
        _set_number(db, "compacted", upto)


def _holds(one: Compare, item: Item | None) -> bool:
    if one.what == "value":
        return item is not None and _compared(item.value, one)
    numbers = {"created": 0, "revision": 0, "lease": 0}
    if item is not None:
        numbers = {"created": item.created, "revision": item.revision, "lease": item.lease}
    return _compared(numbers[one.what], one)


def _compared(found: int | bytes, one: Compare) -> bool:
    return _SIGNS[one.sign](found, one.to)


def _carry_out(db: sqlite3.Connection, one: Op, at: int) -> Result:
    key = one.key.encode()
    if isinstance(one, Get):
        return get(db, key)
    if isinstance(one, Delete):
        return _delete(db, key, at)
    _put(db, one, key, at)
    return None


def _put(db: sqlite3.Connection, one: Put, key: bytes, at: int) -> None:
    if one.lease and db.execute("SELECT 1 FROM lease WHERE id=?", (one.lease,)).fetchone() is None:
        raise LeaseGone(one.lease)
    old = get(db, key)
    created = at if old is None else old.created
    db.execute("REPLACE INTO item VALUES (?, ?, ?, ?, ?)", (key, one.value, created, at, one.lease))
    db.execute("INSERT INTO change VALUES (?, ?, 0, ?, ?, ?)", (at, key, one.value, created, one.lease))


def _delete(db: sqlite3.Connection, key: bytes, at: int) -> int:
    gone = db.execute("DELETE FROM item WHERE key=?", (key,)).rowcount
    if gone:
        db.execute("INSERT INTO change VALUES (?, ?, 1, x'', 0, 0)", (at, key))
    return gone


def _reach(db: sqlite3.Connection, at: int) -> None:
    _set_number(db, "revision", at)
    if at % COMPACT_EVERY == 0:
        compact(db)


def _happened(
    db: sqlite3.Connection, where: str, bounds: tuple[int | bytes, ...], most: int
) -> list[tuple[Any, ...]]:  # Any: a row of `_Row`, and whether it was deleted
    """Changes in their order; all of them where `most` is -1."""
    return db.execute(
        "SELECT key, value, created, revision, lease, deleted FROM change"  # noqa: S608 (our columns)
        f" WHERE {where} ORDER BY revision, key LIMIT {most}",
        bounds,
    ).fetchall()


def _below(prefix: bytes) -> tuple[str, tuple[bytes, ...]]:
    """The condition for keys that begin so."""
    end = end_of(prefix)
    return ("key >= ? AND key < ?", (prefix, end)) if end else ("key >= ?", (prefix,))


def _item(row: _Row) -> Item:
    return Item(row[0].decode(), row[1], row[2], row[3], row[4])


def _number(db: sqlite3.Connection, name: str, default: int) -> int:
    row = db.execute("SELECT value FROM number WHERE name=?", (name,)).fetchone()
    return default if row is None else int(row[0])


def _set_number(db: sqlite3.Connection, name: str, value: int) -> None:
    db.execute("REPLACE INTO number VALUES (?, ?)", (name, value))
