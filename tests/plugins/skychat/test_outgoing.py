"""Our texts on their way, in the store."""

import sqlite3
from collections.abc import Iterator

import pytest

from plugins.skychat import incoming, outgoing, rooms
from plugins.skychat.outgoing import Change, TooMany
from plugins.skychat.progress import State
from plugins.skychat.schema import SCHEMA
from plugins.skychat.wire import Room, Say, Seen

OWN, A, B = (bytes([number]) * 32 for number in (9, 1, 2))


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:")
    made.executescript(SCHEMA)
    yield made
    made.close()


def write(
    db: sqlite3.Connection, number: int, *receivers: bytes, talk: bytes = A, room: Room | None = None
) -> bytes:
    id_ = number.to_bytes(16, "big")
    outgoing.add(db, OWN, talk, receivers, Say(id_, outgoing.epoch(db, 77), 1, 5, f"{number}", room))
    return id_


def test_copies_are_numbered_for_each_receiver(db: sqlite3.Connection) -> None:
    write(db, 1, A)
    write(db, 2, A, B)
    write(db, 3, B)
    assert [(copy.number, copy.say.text) for copy in outgoing.open_copies(db, A, 0)] == [(1, "1"), (2, "2")]
    assert [(copy.number, copy.say.text) for copy in outgoing.open_copies(db, B, 1)] == [(2, "3")]
    (copy, *_) = outgoing.open_copies(db, A, 0)
    assert (copy.say.epoch, copy.say.time_ms, copy.say.number, copy.state) == (77, 5, 1, State.QUEUED)
    assert sorted(outgoing.waiting(db)) == [A, B]


def test_a_text_for_a_room_has_the_room_with_it(db: sqlite3.Connection) -> None:
    made = rooms.make("tea", (OWN, A, B), bytes(16))
    incoming.keep_room(db, rooms.id_of(made), made)
    write(db, 1, A, B, talk=rooms.id_of(made), room=made)
    assert outgoing.open_copies(db, B, 0)[0].say.room == made


def test_what_was_told_of_a_number_or_a_letter_moves_it(db: sqlite3.Connection) -> None:
    id_ = write(db, 1, A, B)
    assert outgoing.told(db, A, [1, 99], State.SENT) == [Change(id_, State.QUEUED)]
    assert outgoing.told(db, A, [1], State.SENT) == []
    assert outgoing.letter_told(db, outgoing.letter_id(id_, B), State.DELIVERED) == [Change(id_, State.SENT)]
    assert outgoing.letter_told(db, bytes(16), State.SENT) == []
    assert outgoing.told(db, A, [1], State.DELIVERED) == [Change(id_, State.DELIVERED)]
    assert outgoing.waiting(db) == []
    assert outgoing.seen_by(db, B, [id_, bytes(16)]) == [Change(id_, State.DELIVERED)]
    assert outgoing.seen_by(db, A, [id_]) == [Change(id_, State.READ)]


def test_a_peer_cannot_say_what_another_read(db: sqlite3.Connection) -> None:
    id_ = write(db, 1, A)
    assert outgoing.seen_by(db, B, [id_]) == []


def test_what_a_receiver_lacks_is_on_its_way_again(db: sqlite3.Connection) -> None:
    for number in (1, 2, 3, 4):
        write(db, number, A)
    outgoing.told(db, A, [1, 2, 3], State.DELIVERED)
    outgoing.told(db, A, [3], State.READ)
    assert outgoing.again(db, A, 2, 4) == 2
    assert [copy.number for copy in outgoing.open_copies(db, A, 0)] == [2, 3, 4]


def test_a_text_to_ourselves_has_arrived(db: sqlite3.Connection) -> None:
    assert outgoing.state_of(db, write(db, 1, talk=OWN)) is State.READ


def test_a_receiver_that_takes_nothing_is_written_to_no_more(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "MAX_OPEN", 2)
    for number in (1, 2):
        write(db, number, A)
    with pytest.raises(TooMany, match="has not taken the last 2"):
        write(db, 3, B, A)
    assert outgoing.waiting(db) == [A]


def test_what_was_read_is_told_once(db: sqlite3.Connection) -> None:
    ids = [number.to_bytes(16, "big") for number in range(70)]
    db.executemany("INSERT INTO unseen VALUES (?, ?)", [(A, id_) for id_ in ids])
    assert outgoing.waiting(db) == [A]
    first = outgoing.unseen(db, A)
    assert first == Seen(tuple(ids[:64]))
    outgoing.seen_told(db, A, first)
    assert outgoing.unseen(db, A) == Seen(tuple(ids[64:]))
    assert outgoing.unseen(db, B) is None
