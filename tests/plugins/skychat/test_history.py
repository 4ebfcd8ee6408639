"""What is shown of a store."""

import sqlite3
from collections.abc import Iterator

import pytest

from plugins.skychat import history, incoming, outgoing, rooms
from plugins.skychat.history import MOST
from plugins.skychat.progress import State
from plugins.skychat.schema import SCHEMA
from plugins.skychat.wire import Say

OWN, A, B = (bytes([number]) * 32 for number in (9, 1, 2))


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:")
    made.executescript(SCHEMA)
    yield made
    made.close()


def came(db: sqlite3.Connection, sender: bytes, number: int) -> None:
    incoming.take(db, OWN, sender, Say(number.to_bytes(16, "big"), 1, number, 0, f"{number}"), 0)


def test_an_empty_store_shows_nothing(db: sqlite3.Connection) -> None:
    assert history.talks(db) == history.unread(db) == history.since(db, 0) == []
    assert history.last(db) == 0
    assert history.room(db, bytes(16)) is None


def test_texts_come_in_pieces_from_the_newest(db: sqlite3.Connection) -> None:
    for number in range(1, MOST + 11):
        came(db, A, number)
    newest = history.texts(db, A, limit=10_000)
    assert (len(newest), newest[-1]["text"]) == (MOST, f"{MOST + 10}")
    before = history.texts(db, A, before=newest[0]["turn"], limit=3)
    assert [row["text"] for row in before] == ["8", "9", "10"]
    assert [row["text"] for row in history.since(db, history.last(db) - 2)] == [f"{MOST + 9}", f"{MOST + 10}"]


def test_talks_tell_what_is_unread_and_what_was_last(db: sqlite3.Connection) -> None:
    room = rooms.make("tea", (OWN, A), bytes(16))
    incoming.keep_room(db, rooms.id_of(room), room)
    came(db, A, 1)
    came(db, A, 2)
    came(db, B, 1)
    rows = history.talks(db)
    assert [(row["talk"], row["kind"], row["unread"], row["last"]) for row in rows] == [
        (B.hex(), "peer", 1, "1"),
        (A.hex(), "peer", 2, "2"),
        (rooms.id_of(room).hex(), "room", 0, ""),
    ]
    assert rows[0]["time"] == "1970-01-01T00:00:00+00:00"
    assert (rows[2]["name"], rows[2]["members"], rows[2]["time"]) == ("tea", [A.hex(), OWN.hex()], None)


def test_reading_a_talk_leaves_the_others_and_is_told_if_wanted(db: sqlite3.Connection) -> None:
    for sender in (A, B):
        came(db, sender, 1)
    assert history.read(db, A, tell=True) == ({A}, 1)
    assert history.read(db, A, tell=True) == (set(), 0)
    assert history.read(db, B, tell=False) == ({B}, 1)
    assert outgoing.unseen(db, A) is not None
    assert outgoing.unseen(db, B) is None
    assert history.unread(db) == []


def test_the_way_of_a_text_to_each_receiver_is_shown(db: sqlite3.Connection) -> None:
    id_ = bytes(16)
    turn = outgoing.add(db, OWN, A, (A, B), Say(id_, 1, 1, 0, "hello"))
    outgoing.told(db, A, [1], State.READ)
    assert history.copies(db, id_) == {A.hex(): "read", B.hex(): "queued"}
    row = history.text(db, turn)
    assert (row["state"], row["mine"], row["sender"]) == ("queued", True, OWN.hex())
