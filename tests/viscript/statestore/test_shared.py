"""Whose a lease is, in the tables of the SQLite engine."""

import sqlite3
from collections.abc import Iterator

import pytest

from viscript.statestore import shared, tables
from viscript.statestore.api import Put
from viscript.statestore.errors import Refused
from viscript.statestore.shared import OURS, TableGround, grant_to
from viscript.statestore.tables import Now

NOW = Now(0.0, "boot")
HOST, OTHER = b"h" * 32, b"o" * 32


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(tables.SCHEMA)
    yield connection
    connection.close()


def test_a_lease_has_the_owner_it_was_granted_to_until_it_ends(db: sqlite3.Connection) -> None:
    ground = TableGround(db)
    assert grant_to(db, HOST, 1, 10, NOW)
    assert tables.grant(db, 2, 10, NOW)
    assert (ground.owner(1), ground.owner(2), ground.owner(3)) == (HOST, OURS, None)
    tables.transact(db, (), (Put("a", b"", 1),), ())
    held = ground.item("a")
    assert held is not None
    assert ground.owner(held.lease) == HOST
    tables.sweep(db, Now(10.0, "boot"))
    assert (ground.item("a"), ground.owner(1)) == (None, None)
    assert grant_to(db, OTHER, 1, 10, NOW), "nothing is left of the one that ended"


def test_a_number_that_is_taken_is_granted_to_nobody_else(db: sqlite3.Connection) -> None:
    tables.grant(db, 1, 10, NOW)
    assert not grant_to(db, HOST, 1, 10, NOW)
    assert TableGround(db).owner(1) == OURS


def test_a_host_has_so_many_leases_and_no_more(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LEASES_MOST", 1)
    grant_to(db, HOST, 1, 10, NOW)
    with pytest.raises(Refused, match="has 1 leases already"):
        grant_to(db, HOST, 2, 10, NOW)
    assert grant_to(db, OTHER, 2, 10, NOW)


def test_leases_that_begin_anew_have_their_whole_time_also_behind_a_boot(db: sqlite3.Connection) -> None:
    grant_to(db, HOST, 1, 10, NOW)
    later = Now(3.0, "another boot")
    tables.begin_anew(db, later)
    tables.sweep(db, Now(12.9, "another boot"))
    assert TableGround(db).owner(1) == HOST
    tables.sweep(db, Now(13.0, "another boot"))
    assert TableGround(db).owner(1) is None
