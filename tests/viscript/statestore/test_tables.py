"""The tables of the SQLite engine against a model, and the rules of leases and history."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.store_model import Model
from viscript.statestore import tables
from viscript.statestore.api import Compare, Delete, Get, Op, Put
from viscript.statestore.errors import Compacted, LeaseGone
from viscript.statestore.tables import Now

KEYS = ("a", "a/1", "a/2", "b", "é")
VALUES = (b"", b"\0", b"x", b"xy")
LEASES = (0, 0, 0, 1, 2)


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = empty()
    yield connection
    connection.close()


def empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(tables.SCHEMA)
    return connection


def put(db: sqlite3.Connection, key: str, value: bytes = b"", lease: int = 0) -> int:
    return tables.transact(db, (), (Put(key, value, lease),), ()).revision


def compares() -> st.SearchStrategy[Compare]:
    numbers = st.builds(
        Compare,
        st.sampled_from(KEYS),
        st.sampled_from(["created", "revision", "lease"]),
        st.sampled_from(["=", "!=", "<", ">"]),
        st.integers(0, 30),
    )
    values = st.builds(
        Compare,
        st.sampled_from(KEYS),
        st.just("value"),
        st.sampled_from(["=", "!=", "<", ">"]),
        st.sampled_from(VALUES),
    )
    return numbers | values


def operations() -> st.SearchStrategy[list[Op]]:
    one: st.SearchStrategy[Op] = st.one_of(
        st.builds(Put, st.sampled_from(KEYS), st.sampled_from(VALUES), st.sampled_from(LEASES)),
        st.builds(Delete, st.sampled_from(KEYS)),
    )
    reads: st.SearchStrategy[Op] = st.builds(Get, st.sampled_from(KEYS))
    writes = st.lists(one, max_size=4, unique_by=lambda op: op.key)
    return st.builds(lambda first, then, last: [*first, *then, *last], st.lists(reads, max_size=1), writes,
                     st.lists(reads, max_size=1))  # fmt: skip


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.db = empty()
        self.model = Model(tables.revision(self.db))
        self.now = Now(100.0, "boot")

    def teardown(self) -> None:
        self.db.close()

    @rule(compare=st.lists(compares(), max_size=3), then=operations(), otherwise=operations())
    def transact(self, compare: list[Compare], then: list[Op], otherwise: list[Op]) -> None:
        wanted = self.model.txn(compare, then, otherwise)
        self.db.execute("BEGIN")
        try:
            done = tables.transact(self.db, compare, then, otherwise)
        except LeaseGone:
            self.db.execute("ROLLBACK")
            assert wanted is None
            return
        self.db.execute("COMMIT")
        assert wanted is not None
        assert (done.ok, list(done.results)) == wanted
        assert done.revision == self.model.revision

    @rule(lease=st.sampled_from([1, 2]))
    def grant(self, lease: int) -> None:
        assert tables.grant(self.db, lease, 10, self.now) is (lease not in self.model.leases)
        self.model.leases.add(lease)

    @rule(lease=st.sampled_from([1, 2]))
    def revoke(self, lease: int) -> None:
        tables.end_lease(self.db, lease)
        self.model.revoke(lease)

    @rule(data=st.data())
    def watched_from_anywhere(self, data: Any) -> None:  # Any: hypothesis' own
        start = data.draw(st.integers(1, self.model.revision + 1))
        prefix = data.draw(st.sampled_from(["", "a", "a/", "é"]))
        batches, following = tables.changes(self.db, prefix.encode(), start)
        assert following == self.model.revision + 1
        told = {
            (b.revision, e.item.key, None if e.deleted else e.item.value) for b in batches for e in b.events
        }
        assert told == {c for c in self.model.history if c[0] >= start and c[1].startswith(prefix)}
        assert [b.revision for b in batches] == sorted({c[0] for c in told})

    @invariant()
    def all_is_as_in_the_model(self) -> None:
        listed = tables.listed(self.db, b"")
        assert listed.revision == self.model.revision
        assert {item.key: item for item in listed.items} == self.model.items


Machine.TestCase.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)
TestTablesAgainstTheModel = Machine.TestCase


def test_leases_end_by_their_time_and_with_their_boot(db: sqlite3.Connection) -> None:
    first = Now(0.0, "one")
    for lease, key in ((1, "a"), (2, "b"), (3, "c")):
        tables.grant(db, lease, 10 * lease, first)
        put(db, key, lease=lease)
    tables.sweep(db, Now(9.9, "one"))
    assert len(tables.listed(db, b"").items) == 3
    assert tables.keep(db, 1, Now(9.9, "one")) == 10
    tables.sweep(db, Now(19.8, "one"))
    assert len(tables.listed(db, b"").items) == 3
    tables.sweep(db, Now(19.9, "one"))
    assert [item.key for item in tables.listed(db, b"").items] == ["b", "c"]
    with pytest.raises(LeaseGone):
        tables.keep(db, 1, Now(19.9, "one"))
    tables.sweep(db, Now(1.0, "another"))
    assert tables.listed(db, b"").items == ()


def test_keys_of_one_lease_go_at_one_revision(db: sqlite3.Connection) -> None:
    tables.grant(db, 1, 10, Now(0, ""))
    at = max([put(db, key, lease=1) for key in "abc"])
    tables.end_lease(db, 1)
    batches, _ = tables.changes(db, b"", at + 1)
    assert [[event.item.key for event in batch.events] for batch in batches] == [["a", "b", "c"]]
    assert tables.revision(db) == at + 1


def test_history_beyond_the_bound_of_revisions_is_dropped(db: sqlite3.Connection) -> None:
    last = max([put(db, f"k{n}") for n in range(20)])
    tables.compact(db, revisions=5)
    batches, _ = tables.changes(db, b"", last - 4)
    assert len(batches) == 5
    with pytest.raises(Compacted) as caught:
        tables.changes(db, b"", last - 5)
    assert caught.value.revision == last - 5
    assert len(tables.listed(db, b"").items) == 20


def test_history_beyond_the_bound_of_bytes_is_dropped_but_the_newest_stays(db: sqlite3.Connection) -> None:
    last = max([put(db, f"k{n}", b"x" * 100) for n in range(20)])
    tables.compact(db, size=350)
    batches, _ = tables.changes(db, b"", last - 2)
    assert len(batches) == 3
    with pytest.raises(Compacted):
        tables.changes(db, b"", last - 3)
    tables.compact(db, size=10)
    assert len(tables.changes(db, b"", last)[0]) == 1


def test_history_is_compacted_by_itself(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "COMPACT_EVERY", 10)
    monkeypatch.setattr(tables.compact, "__kwdefaults__", {"revisions": 20, "size": 1 << 20})
    for n in range(100):
        put(db, f"k{n}")
    (kept,) = db.execute("SELECT count(*) FROM change").fetchone()
    assert 20 <= kept <= 30


def test_much_history_is_told_in_pages_of_whole_revisions(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PAGE", 7)
    start = tables.revision(db) + 1
    for _ in range(10):
        tables.transact(db, (), [Put(f"k{n}", b"") for n in range(3)], ())
    seen: list[int] = []
    at = start
    while batches := tables.changes(db, b"", at)[0]:
        at = tables.changes(db, b"", at)[1]
        seen += [batch.revision for batch in batches]
        assert all(len(batch.events) == 3 for batch in batches)
    assert seen == list(range(start, start + 10))


def test_counting_can_be_told_to_go_on_from_higher_up(db: sqlite3.Connection) -> None:
    tables.count_from(db, 1_000_000)
    assert put(db, "a") == 1_000_001
    tables.count_from(db, 5)
    assert put(db, "a") == 1_000_002
    with pytest.raises(Compacted):
        tables.changes(db, b"", 4)


def test_a_lease_with_more_keys_than_a_page_stops_nobody_who_watches(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PAGE", 7)
    tables.grant(db, 1, 10, Now(0.0, "boot"))
    for number in range(20):
        put(db, f"a/{number:02}", lease=1)
    at = tables.revision(db)
    tables.end_lease(db, 1)
    put(db, "a/after")
    (whole,), following = tables.changes(db, b"a/", at + 1)
    assert [event.deleted for event in whole.events] == [True] * 20
    ((after,), end) = tables.changes(db, b"a/", following)
    assert after.events[0].item.key == "a/after"
    assert tables.changes(db, b"a/", end) == ([], end)
    assert tables.changes(db, b"b", at + 1) == ([], end)
