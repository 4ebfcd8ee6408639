import sqlite3
from collections.abc import Iterator

import pytest

from components.mesh import outbox
from components.mesh.delivery import Event, State
from components.mesh.envelope import Mark, Receipt, open_letter
from components.mesh.errors import Busy
from components.mesh.mail_wire import unpack
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL

A, B, M, N = ALICE.public_key, BOB.public_key, CAROL.public_key, PublicKey(CAROL.public_key[::-1])


@pytest.fixture(name="db")
def _db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(outbox.SCHEMA)
    yield db
    db.close()


def add(db: sqlite3.Connection, name: str, now: int = 100, size: int = 3) -> bytes:
    id_ = name.encode().ljust(16, b".")
    outbox.add(db, ALICE, B, name.encode().ljust(size), id_, now)
    return id_


def test_letters_are_numbered_and_tell_the_lowest_open_number(db: sqlite3.Connection) -> None:
    one, two = add(db, "one"), add(db, "two")
    outbox.receipted(db, A, [Receipt(A, B, one, Mark.DELIVERED, 1)])
    add(db, "abc", 200)
    sealed = outbox.open_letters(db, B, M, kept=False)
    bodies = [unpack(open_letter(BOB, each.letter).body) for each in sealed]
    assert [(body.epoch, body.number, body.floor) for body in bodies] == [(100, 2, 1), (100, 3, 2)]
    assert (outbox.state(db, one), outbox.state(db, two)) == (State.DELIVERED, State.QUEUED)
    assert outbox.state(db, b"x") is None
    assert outbox.waiting(db) == [B]


def test_what_one_messenger_keeps_another_can_be_given(db: sqlite3.Connection) -> None:
    one, two = add(db, "one"), add(db, "two")
    assert outbox.happened(db, [one, b"none"], Event.KEPT, M) == [(one, State.RELAYED)]
    assert [each.id for each in outbox.open_letters(db, B, M, kept=True)] == [one]
    assert outbox.open_letters(db, B, M, kept=True, behind=1) == []
    assert [each.id for each in outbox.open_letters(db, B, M, kept=False)] == [two]
    assert [each.id for each in outbox.open_letters(db, B, N, kept=False)] == [one, two]


def test_a_batch_fits_one_message(db: sqlite3.Connection) -> None:
    for name in ("abc", "def"):
        add(db, name, size=30_000)
    assert len(outbox.open_letters(db, B, M, kept=False)) == 1


def test_only_the_receiver_can_sign(db: sqlite3.Connection) -> None:
    one = add(db, "one")
    for sender, receiver in ((A, M), (M, B)):
        assert outbox.receipted(db, A, [Receipt(sender, receiver, one, Mark.READ, 1)]) == []
    assert outbox.receipted(db, A, [Receipt(A, B, one, Mark.READ, 1)]) == [(one, State.READ)]
    assert outbox.waiting(db) == []


def test_old_letters_are_given_up_and_forgotten(db: sqlite3.Connection) -> None:
    one = add(db, "one", 0)
    assert outbox.sweep(db, outbox.EXPIRE_MS) == []
    assert outbox.sweep(db, outbox.EXPIRE_MS + 1) == [(one, State.EXPIRED)]
    outbox.sweep(db, outbox.FORGET_MS + 1)
    assert outbox.state(db, one) is None


def test_so_many_may_wait_for_one_receiver(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_OPEN", 1)
    add(db, "one")
    with pytest.raises(Busy, match="letters to"):
        add(db, "two")
