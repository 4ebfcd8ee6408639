"""Letters of ours until somebody signed for them, in SQLite. Functions are work for the `Writer`.

Letters to one receiver are numbered from 1. Each is signed and sealed once: all tries send the same bytes.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from components.mesh import envelope, mail_wire
from components.mesh.delivery import OPEN, Event, State, after
from components.mesh.envelope import Mark, Receipt
from components.mesh.errors import Busy, CallerError
from components.mesh.mail_wire import BATCH_BYTES, MAX_LETTERS, Numbered
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

DAY_MS: Final = 86_400_000
EXPIRE_MS: Final = 14 * DAY_MS
FORGET_MS: Final = 60 * DAY_MS
MAX_OPEN: Final = 20_000  # letters to one receiver that nobody signed for

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS epoch (epoch INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS counter (receiver BLOB PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    receiver BLOB NOT NULL, number INTEGER NOT NULL, id BLOB NOT NULL UNIQUE, state INTEGER NOT NULL,
    made_ms INTEGER NOT NULL, messenger BLOB, sealed BLOB, PRIMARY KEY (receiver, number));
CREATE INDEX IF NOT EXISTS outbox_open ON outbox (receiver, number) WHERE state < 3;
"""


class Sealed(NamedTuple):
    """A letter that is ready to go."""

    number: int
    id: bytes
    letter: bytes


def add(
    db: sqlite3.Connection, identity: Identity, receiver: PublicKey, message: bytes, id_: bytes, now_ms: int
) -> None:
    """Number, seal and keep a letter, unless it is here already. Raises `Busy`, `CallerError`, `BadKey`."""
    known = db.execute("SELECT receiver FROM outbox WHERE id=?", (id_,)).fetchone()
    if known and known[0] != receiver:
        raise CallerError(f"the id {id_.hex()} is that of a letter to {known[0].hex()}")
    if known:
        return
    row = db.execute("SELECT next FROM counter WHERE receiver=?", (receiver,)).fetchone()
    number = row[0] if row else 1
    count, lowest = db.execute(
        "SELECT count(*), min(number) FROM outbox WHERE receiver=? AND state<3", (receiver,)
    ).fetchone()
    if count >= MAX_OPEN:
        raise Busy(f"letters to {receiver.hex()}", MAX_OPEN)
    body = mail_wire.pack(Numbered(_epoch(db, now_ms), number, lowest or number, message))
    sealed = envelope.seal(identity, receiver, body, id=id_, time_ms=now_ms)
    db.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)", (receiver, number + 1))
    db.execute(
        "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, NULL, ?)",
        (receiver, number, id_, int(State.QUEUED), now_ms, sealed),
    )


def _epoch(db: sqlite3.Connection, now_ms: int) -> int:
    row = db.execute("SELECT epoch FROM epoch").fetchone()
    if row is None:
        db.execute("INSERT INTO epoch VALUES (?)", (now_ms,))
    return int(row[0]) if row else now_ms


def waiting(db: sqlite3.Connection) -> list[PublicKey]:
    """To whom letters are on their way."""
    return [PublicKey(row[0]) for row in db.execute("SELECT DISTINCT receiver FROM outbox WHERE state<3")]


def open_letters(
    db: sqlite3.Connection, receiver: PublicKey, messenger: PublicKey, *, kept: bool, behind: int = 0
) -> list[Sealed]:
    """Letters nobody signed for, behind a number, in order: what `messenger` keeps, or all the others.

    As many as one message takes.
    """
    rows = db.execute(
        "SELECT number, id, sealed FROM outbox WHERE receiver=? AND state<3 AND number>?"
        " AND (messenger IS ? AND state=2)=? ORDER BY number LIMIT ?",
        (receiver, behind, messenger, kept, MAX_LETTERS),
    )
    batch: list[Sealed] = []
    for row in rows:
        size = sum(len(each.letter) for each in batch) + len(row[2])
        if not kept and batch and size > BATCH_BYTES:
            break
        batch.append(Sealed(*row))
    return batch


def delivered(db: sqlite3.Connection, receiver: PublicKey, messenger: PublicKey) -> tuple[bytes, ...]:
    """The newest letters through `messenger` that were delivered, and not read as far as we know."""
    rows = db.execute(
        "SELECT id FROM outbox WHERE receiver=? AND state=3 AND messenger IS ? ORDER BY number DESC LIMIT ?",
        (receiver, messenger, MAX_LETTERS),
    )
    return tuple(row[0] for row in rows)


def happened(
    db: sqlite3.Connection, ids: Iterable[bytes], event: Event, messenger: bytes | None = None
) -> list[tuple[bytes, State]]:
    """Note what happened to letters; those whose state is another now."""
    changed: list[tuple[bytes, State]] = []
    for id_ in ids:
        row = db.execute("SELECT state FROM outbox WHERE id=?", (id_,)).fetchone()
        if row is None:
            continue
        state = after(State(row[0]), event)
        if event is Event.KEPT and state is State.RELAYED:
            db.execute("UPDATE outbox SET messenger=? WHERE id=?", (messenger, id_))
        if state != row[0]:
            changed.append((id_, state))
            db.execute("UPDATE outbox SET state=? WHERE id=?", (int(state), id_))
            if state not in OPEN:
                db.execute("UPDATE outbox SET sealed=NULL WHERE id=?", (id_,))
    return changed


def receipted(
    db: sqlite3.Connection, sender: PublicKey, receipts: Sequence[Receipt]
) -> list[tuple[bytes, State]]:
    """Note what receivers signed; those letters whose state is another now. Others' receipts are nothing."""
    changed: list[tuple[bytes, State]] = []
    for receipt in receipts:
        row = db.execute("SELECT receiver FROM outbox WHERE id=?", (receipt.id,)).fetchone()
        if row and row[0] == receipt.receiver and receipt.sender == sender:
            event = Event.SEEN if receipt.mark is Mark.READ else Event.TAKEN
            changed += happened(db, (receipt.id,), event)
    return changed


def state(db: sqlite3.Connection, id_: bytes) -> State | None:
    """How far a letter came; None for none of ours."""
    row = db.execute("SELECT state FROM outbox WHERE id=?", (id_,)).fetchone()
    return State(row[0]) if row else None


def sweep(db: sqlite3.Connection, now_ms: int) -> list[tuple[bytes, State]]:
    """Give up what is too old, and forget what was settled long ago."""
    old = db.execute("SELECT id FROM outbox WHERE state<3 AND made_ms<?", (now_ms - EXPIRE_MS,)).fetchall()
    db.execute("DELETE FROM outbox WHERE state>=3 AND made_ms<?", (now_ms - FORGET_MS,))
    return happened(db, (row[0] for row in old), Event.TOO_OLD)
