import sqlite3
from collections.abc import Iterator

import pytest

from signal_bus.identity import Identity
from viscript.cluster.audit import rows
from viscript.cluster.audit.entry import BadEntry, Chain, Said, read
from viscript.store.memory import SCHEMA

HOST = Identity(bytes(range(32)))


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    yield connection
    connection.close()


def write(db: sqlite3.Connection, *times: float) -> None:
    for time in times:
        rows.append(db, Said(kind="asked", time=time), HOST)


def whole(db: sqlite3.Connection) -> list[tuple[int, str]]:
    """Numbers and kinds of a chain that is right."""
    chain = Chain(HOST.public_key)
    return [(number, chain.feed(record).kind) for number, record in rows.page(db, 0)]


def test_entries_follow_one_another(db: sqlite3.Connection) -> None:
    write(db, 1, 2, 3)
    assert whole(db) == [(1, "asked"), (2, "asked"), (3, "asked")]


def test_pages_go_both_ways(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PAGE", 2)
    write(db, 1, 2, 3)
    assert [number for number, _ in rows.page(db, 0)] == [1, 2]
    assert [number for number, _ in rows.page(db, 2)] == [3]
    assert [number for number, _ in rows.page_back(db, 99)] == [3, 2]
    assert [number for number, _ in rows.page_back(db, 2)] == [1]


def test_what_is_too_old_goes_and_the_chain_holds(db: sqlite3.Connection) -> None:
    write(db, 1, 2, 3, 4)
    assert rows.cut(db, oldest=3.0, most=100, now=9.0, signer=HOST) == 2
    assert whole(db) == [(2, "cut"), (3, "asked"), (4, "asked")]
    assert rows.cut(db, oldest=3.0, most=100, now=9.0, signer=HOST) == 0
    write(db, 5)
    assert rows.cut(db, oldest=5.0, most=100, now=9.0, signer=HOST) == 3
    assert whole(db) == [(4, "cut"), (5, "asked")]


def test_what_is_too_much_goes(db: sqlite3.Connection) -> None:
    write(db, *range(10))
    rows.cut(db, oldest=0.0, most=3, now=9.0, signer=HOST)
    assert [number for number, kind in whole(db) if kind != "cut"] == [8, 9, 10]


def test_all_may_go_and_the_next_entry_follows(db: sqlite3.Connection) -> None:
    write(db, 1, 2)
    rows.cut(db, oldest=100.0, most=100, now=9.0, signer=HOST)
    write(db, 101)
    assert whole(db) == [(2, "cut"), (3, "asked")]


def test_the_store_is_not_held_up_by_much_that_goes(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_DROPPED", 4)
    write(db, *range(10))
    rows.cut(db, oldest=100.0, most=100, now=9.0, signer=HOST)
    assert whole(db)[:2] == [(4, "cut"), (5, "asked")]


def test_what_was_tampered_with_is_not_dropped_but_found(db: sqlite3.Connection) -> None:
    write(db, 1, 2, 3)
    db.execute("UPDATE audit SET record=x'00' WHERE number=2")
    rows.cut(db, oldest=100.0, most=100, now=9.0, signer=HOST)
    assert [number for number, _ in rows.page(db, 0)] == [1, 2, 3]
    with pytest.raises(BadEntry):
        whole(db)


def test_the_audit_goes_on_behind_what_was_tampered_with(db: sqlite3.Connection) -> None:
    write(db, 1)
    db.execute("UPDATE audit SET record=x'00' WHERE number=1")
    write(db, 2)
    assert read(rows.page(db, 1)[0][1]).number == 2
