import sqlite3
from collections.abc import Iterator

import pytest

from components.mesh.envelope import Letter, Mark, Receipt, open_receipt, receipt
from components.mesh.mail_wire import FULL, Posted
from components.messenger import depot
from components.messenger.depot import Shares
from tests.support.mesh import ALICE, BOB, CAROL

A, B, C = ALICE.public_key, BOB.public_key, CAROL.public_key


@pytest.fixture(name="db")
def _db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(depot.SCHEMA)
    yield db
    assert db.execute(
        "SELECT receiver, count(*), sum(length(sealed)) FROM letter GROUP BY receiver ORDER BY receiver"
    ).fetchall() == [(key, *rest) for key, rest in sorted(depot.totals(db).items())]
    db.close()


def posted(name: str, size: int = 10, to: bytes = B) -> Posted:
    return Posted(to, name.encode().ljust(16, b"."), name.encode().ljust(size, b"."))


def signed(name: str, mark: Mark = Mark.DELIVERED) -> tuple[Receipt, bytes]:
    data = receipt(BOB, Letter(A, B, posted(name).id, 1, b""), mark, time_ms=5)
    return open_receipt(data), data


def store(db: sqlite3.Connection, *letters: Posted, shares: Shares | None = None, now: int = 0) -> object:
    return depot.store(db, A, letters, shares or Shares(), now)


def test_letters_are_kept_once_and_given_in_order(db: sqlite3.Connection) -> None:
    assert store(db, posted("a"), posted("b"), posted("a")) == ("", "", "")
    assert store(db, posted("c"), posted("x", to=C)) == ("", "")
    kept = depot.letters_for(db, B, 0)
    assert [each.sealed[:1] for each in kept] == [b"a", b"b", b"c"]
    assert depot.letters_for(db, B, kept[0].number) == kept[1:]


def test_a_batch_fits_one_message(db: sqlite3.Connection) -> None:
    store(db, *(posted(name, 30_000) for name in "abc"))
    assert len(depot.letters_for(db, B, 0)) == 1


def test_a_receipt_takes_the_place_of_its_letter(db: sqlite3.Connection) -> None:
    store(db, posted("a"), posted("b"))
    delivered, read = signed("a"), signed("a", Mark.READ)
    assert depot.receipted(db, [delivered], 0) == [(A, delivered[1])]
    assert depot.receipted(db, [delivered], 0) == []
    assert depot.receipted(db, [read], 0) == [(A, read[1])]
    assert depot.receipted(db, [delivered, signed("never")], 0) == []
    assert store(db, posted("a")) == ("",)
    assert len(depot.letters_for(db, B, 0)) == 1
    ids = [posted(name).id for name in "abc"]
    assert depot.told(db, A, ids) == ((read[1],), (ids[2],))


def test_a_receipt_of_somebody_else_is_nothing(db: sqlite3.Connection) -> None:
    store(db, posted("a"))
    data = receipt(CAROL, Letter(A, C, posted("a").id, 1, b""), Mark.READ, time_ms=5)
    assert depot.receipted(db, [(open_receipt(data), data)], 0) == []
    depot.receipted(db, [signed("a")], 0)
    assert depot.receipted(db, [(open_receipt(data), data)], 0) == []
    assert depot.told(db, A, [posted("a").id])[0] == (signed("a")[1],)


def test_shares_are_of_senders_and_receivers_and_keep_the_order(db: sqlite3.Connection) -> None:
    two = Shares(letters=2)
    assert store(db, posted("a"), posted("b"), posted("c"), shares=two) == ("", "", FULL)
    assert depot.store(db, C, [posted("d")], two, 0) == (FULL,)
    depot.receipted(db, [signed("a")], 0)
    small = Shares(bytes=25)
    letters = (posted("big", 20), posted("s", 2), posted("x", 2, to=C))
    assert store(db, *letters, shares=small) == (FULL, FULL, "")


def test_what_cannot_be_opened_is_dropped_by_its_receiver_only(db: sqlite3.Connection) -> None:
    store(db, posted("a"))
    (kept,) = depot.letters_for(db, B, 0)
    depot.drop(db, C, [kept.number])
    assert depot.letters_for(db, B, 0) == [kept]
    depot.drop(db, B, [kept.number, 99])
    assert depot.letters_for(db, B, 0) == []


def test_letters_and_receipts_have_their_time(db: sqlite3.Connection) -> None:
    store(db, posted("a"), posted("b"))
    depot.receipted(db, [signed("a")], 0)
    assert depot.sweep(db, depot.RETENTION_S) == 0
    assert depot.sweep(db, depot.RETENTION_S + 1) == 1
    assert depot.told(db, A, [posted("a").id]) == ((signed("a")[1],), ())
    depot.sweep(db, depot.RECEIPTS_S + 1)
    assert depot.told(db, A, [posted("a").id])[0] == ()
    assert depot.RECEIPTS_S > 2 * depot.RETENTION_S
