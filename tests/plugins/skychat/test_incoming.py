"""Texts of others: each once, in order, whichever way and how often they come."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.skychat import history, incoming, rooms
from plugins.skychat.incoming import GAP_MS, Full, take
from plugins.skychat.schema import SCHEMA
from plugins.skychat.wire import Say, WireError

OWN, A, B = (bytes([number]) * 32 for number in (9, 1, 2))


def store() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    made.executescript(SCHEMA)
    return made


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    made = store()
    yield made
    made.close()


def say(number: int, epoch: int = 1) -> Say:
    return Say(bytes([epoch]) + number.to_bytes(15, "big"), epoch, number, 5, f"{number}")


def texts(db: sqlite3.Connection, talk: bytes = A) -> list[str]:
    return [row["text"] for row in history.texts(db, talk)]


@given(st.permutations(range(1, 8)), st.lists(st.integers(1, 7), max_size=10))
def test_whatever_the_order_and_the_copies_each_is_shown_once_and_in_order(
    order: list[int], copies: list[int]
) -> None:
    db = store()
    turns = [turn for number in (*order, *copies) for turn in take(db, OWN, A, say(number), 0).turns]
    assert texts(db) == [f"{number}" for number in range(1, 8)]
    assert turns == sorted(turns)
    assert len(turns) == 7
    assert db.execute("SELECT count(*) FROM early").fetchone() == (0,)
    db.close()


def test_the_sender_hears_what_is_missing(db: sqlite3.Connection) -> None:
    assert take(db, OWN, A, say(1), 0).next == 2
    assert take(db, OWN, A, say(4), 0).next == 2
    assert take(db, OWN, A, say(2), 0).next == 3
    assert take(db, OWN, A, say(3), 0).next == 5


def test_a_sender_with_a_new_store_counts_anew(db: sqlite3.Connection) -> None:
    take(db, OWN, A, say(1), 0)
    take(db, OWN, A, say(1, epoch=2), 0)
    assert texts(db) == ["1", "1"]


def test_what_waits_too_long_is_shown_without_those_before_it(db: sqlite3.Connection) -> None:
    for number in (3, 4, 6):
        take(db, OWN, A, say(number), 0)
    assert incoming.sweep(db, OWN, GAP_MS) == []
    assert len(incoming.sweep(db, OWN, GAP_MS + 1)) == 2
    assert texts(db) == ["3", "4"]
    take(db, OWN, A, say(1), 0)
    take(db, OWN, A, say(5), 0)
    assert texts(db) == ["3", "4", "5", "6"]


def test_only_so_much_waits_of_one_sender(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "MAX_EARLY", 1)
    take(db, OWN, A, say(3), 0)
    take(db, OWN, B, say(3), 0)
    with pytest.raises(Full, match="wait for number 1"):
        take(db, OWN, A, say(4), 0)


def test_a_room_of_others_is_passed_over_and_holds_nothing_up(
    db: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    others = rooms.make("secret", (A, B), bytes(16))
    assert take(db, OWN, A, Say(bytes(16), 1, 1, 5, "psst", others), 0) == ([], 2)
    take(db, OWN, A, say(2), 0)
    assert texts(db) == ["2"]
    assert "passed over a text" in caplog.text
    assert history.room(db, rooms.id_of(others)) is None


def test_a_room_is_known_by_its_first_text_and_its_members_leave(db: sqlite3.Connection) -> None:
    room = rooms.make("tea", (OWN, A, B), bytes(16))
    id_ = rooms.id_of(room)
    take(db, OWN, A, Say(b"1" * 16, 1, 1, 5, "tea?", room), 0)
    take(db, OWN, B, Say(b"2" * 16, 1, 1, 5, "", room, leaves=True), 0)
    place = history.room(db, id_)
    assert place is not None
    assert (place.room, place.is_left, place.receivers(OWN)) == (room, False, (A,))
    assert [(row["text"], row["leaves"], row["state"]) for row in history.texts(db, id_)] == [
        ("tea?", False, "unread"),
        ("", True, "read"),
    ]


def test_in_a_room_that_we_left_nothing_is_unread(db: sqlite3.Connection) -> None:
    room = rooms.make("tea", (OWN, A), bytes(16))
    incoming.keep_room(db, rooms.id_of(room), room)
    history.leave(db, rooms.id_of(room))
    take(db, OWN, A, Say(b"1" * 16, 1, 1, 5, "still there?", room), 0)
    assert [row["state"] for row in history.texts(db, rooms.id_of(room))] == ["read"]


def test_what_we_wrote_to_ourselves_is_there_already(db: sqlite3.Connection) -> None:
    db.execute(
        "INSERT INTO message (talk, sender, id, mine, time_ms, is_read, leaves, text)"
        " VALUES (?, ?, ?, 1, 5, 1, 0, 'note')",
        (OWN, OWN, say(1).id),
    )
    assert take(db, OWN, OWN, say(1), 0) == ([], 2)


def test_a_room_is_not_made_by_leaving_it(db: sqlite3.Connection) -> None:
    room = rooms.make("tea", (OWN, A), bytes(16))
    assert take(db, OWN, A, Say(b"1" * 16, 1, 1, 5, "x" * 16_000, room, leaves=True), 0) == ([], 2)
    assert history.room(db, rooms.id_of(room)) is None
    assert texts(db, rooms.id_of(room)) == []


def test_who_leaves_again_and_again_is_heard_once(db: sqlite3.Connection) -> None:
    room = rooms.make("tea", (OWN, A), bytes(16))
    take(db, OWN, A, Say(b"0" * 16, 1, 1, 5, "tea?", room), 0)
    for number in range(2, 6):
        take(db, OWN, A, Say(bytes([number]) * 16, 1, number, 5, "", room, leaves=True), 0)
    assert texts(db, rooms.id_of(room)) == ["tea?", ""]


def test_a_text_that_is_here_makes_no_more_rooms(db: sqlite3.Connection) -> None:
    made = [rooms.make("tea", (OWN, A), bytes([number]) * 16) for number in (1, 2)]
    for number, room in enumerate(made, 1):
        take(db, OWN, A, Say(b"1" * 16, 1, number, 5, "tea?", room), 0)
    assert [history.room(db, rooms.id_of(room)) is None for room in made] == [False, True]


def test_only_so_much_is_kept_of_a_room_that_we_left(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MAX_LEFT", 2)
    room = rooms.make("tea", (OWN, A), bytes(16))
    incoming.keep_room(db, rooms.id_of(room), room)
    history.leave(db, rooms.id_of(room))
    for number in range(1, 5):
        taken = take(db, OWN, A, Say(bytes([number]) * 16, 1, number, 5, f"{number}", room), 0)
        assert taken.next == number + 1  # and holds nothing up
    assert texts(db, rooms.id_of(room)) == ["1", "2"]


def test_who_counts_anew_again_and_again_is_refused(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MAX_EPOCHS", 2)
    for epoch in (1, 2):
        take(db, OWN, A, say(1, epoch), 0)
    with pytest.raises(WireError, match="2 times already"):
        take(db, OWN, A, say(1, 3), 0)
    take(db, OWN, A, say(2, 2), 0)
    take(db, OWN, B, say(1, 3), 0)
    assert texts(db) == ["1", "1", "2"]
