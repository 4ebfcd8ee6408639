import sqlite3
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import inbox
from components.mesh.envelope import Letter, Mark
from components.mesh.mail_wire import Numbered
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL

A, B, M = ALICE.public_key, BOB.public_key, CAROL.public_key


@pytest.fixture(name="db")
def _db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(inbox.SCHEMA)
    yield db
    db.close()


def come(
    db: sqlite3.Connection,
    number: int,
    *,
    floor: int = 1,
    sender: PublicKey = A,
    epoch: int = 5,
    now: int = 0,
) -> Mark | None:
    text = f"{number}".encode()
    letter = Letter(sender, B, sender[:4] + epoch.to_bytes(4, "big") + number.to_bytes(8, "big"), 1, b"")
    return inbox.take(db, letter, Numbered(epoch, number, floor, text), M, 0)


def turns(db: sqlite3.Connection) -> list[int]:
    return [int(one.message) for one in inbox.unread(db, 0, 100)]


@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_in_whatever_order_and_how_often_they_come_each_has_one_turn_in_order(
    count: int, random: Random
) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(inbox.SCHEMA)
    coming = [*range(1, count + 1), *(random.randint(1, count) for _ in range(count))]
    random.shuffle(coming)
    for number in coming:
        assert come(db, number) is Mark.DELIVERED
    assert turns(db) == list(range(1, count + 1))
    db.close()


def test_a_gap_is_waited_for(db: sqlite3.Connection) -> None:
    come(db, 1)
    come(db, 3)
    assert turns(db) == [1]
    come(db, 2)
    assert turns(db) == [1, 2, 3]


def test_a_gap_is_passed_when_the_sender_gave_it_up(db: sqlite3.Connection) -> None:
    for number in (2, 4, 5, 8):
        come(db, number)
    assert turns(db) == []
    come(db, 7, floor=5)
    assert turns(db) == [2, 4, 5]
    come(db, 9, floor=7)
    assert turns(db) == [2, 4, 5, 7, 8, 9]
    assert come(db, 6) is Mark.DELIVERED
    assert turns(db) == [2, 4, 5, 7, 8, 9]


def test_a_gap_is_passed_after_a_long_time(db: sqlite3.Connection) -> None:
    come(db, 2)
    come(db, 4)
    come(db, 1, epoch=6)
    inbox.sweep(db, inbox.GAP_MS)
    assert turns(db) == [1]
    inbox.sweep(db, inbox.GAP_MS + 1)
    assert turns(db) == [1, 2, 4]
    come(db, 5)
    assert turns(db) == [1, 2, 4, 5]


def test_senders_and_their_stores_are_counted_apart(db: sqlite3.Connection) -> None:
    for sender, epoch in ((A, 1), (M, 1), (A, 2)):
        come(db, 1, sender=sender, epoch=epoch)
    assert turns(db) == [1, 1, 1]


def test_a_read_message_is_known_and_owed_and_at_last_forgotten(db: sqlite3.Connection) -> None:
    come(db, 1)
    (message,) = inbox.unread(db, 0, 9)
    assert inbox.read(db, message.sender, message.id, b"signed", 7)
    assert not inbox.read(db, message.sender, message.id, b"signed", 8)
    assert inbox.unread(db, 0, 9) == []
    assert come(db, 1) is Mark.READ
    assert inbox.owed(db, M, 9) == [b"signed"]
    inbox.paid(db, M, [b"signed"])
    assert inbox.owed(db, M, 9) == []
    inbox.sweep(db, inbox.FORGET_MS + 1)
    assert come(db, 1) is Mark.DELIVERED
    assert turns(db) == []


def test_a_sender_has_so_much_unread(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_UNREAD", 1)
    come(db, 1)
    assert come(db, 2) is None
    assert come(db, 1) is Mark.DELIVERED
    assert come(db, 1, sender=M) is Mark.DELIVERED


def test_a_sender_that_uses_a_number_twice_harms_itself(db: sqlite3.Connection) -> None:
    come(db, 3)
    letter = Letter(A, B, b"another id 12345", 1, b"")
    assert inbox.take(db, letter, Numbered(5, 3, 1, b"99"), M, 0) is Mark.DELIVERED
    come(db, 1)
    come(db, 2)
    assert turns(db) == [1, 2, 3]


def test_who_counts_anew_again_and_again_takes_no_room(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_EPOCHS", 3)
    for epoch in range(1, 10):
        come(db, 1, epoch=epoch)
    come(db, 1, sender=B, epoch=1)
    assert [row[0] for row in db.execute("SELECT epoch FROM stream WHERE sender=? ORDER BY epoch", (A,))] == [
        7,
        8,
        9,
    ]
    assert come(db, 1, epoch=9) is Mark.DELIVERED
    assert len(turns(db)) == 10
