"""Copies of an audit: what they hold, what is wrong with them, which of them go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.identity import Identity
from tests.support.audits import HOST, Rows, chain
from viscript.cluster.audit import copies as module
from viscript.cluster.audit.copies import (
    COPY_BYTES,
    FAULTS_MOST,
    KEPT_S,
    BadCopy,
    Copies,
    packed,
    prefix_of,
    surplus,
    unpacked,
)
from viscript.cluster.audit.entry import RECORD_BYTES, digest
from viscript.cluster.audit.ulid import ulid
from viscript.statestore.api import VALUE_MAX, Item

OTHER = Identity(bytes(32))
KEY = prefix_of(HOST.public_key)


def items(*some: Rows) -> list[Item]:
    return [Item(f"{KEY}{place:026}", packed(rows)[0], 1, 1) for place, rows in enumerate(some)]


def read(*some: Rows) -> Copies:
    copies = Copies(HOST.public_key)
    copies.feed(items(*some))
    copies.settle()
    return copies


def test_a_copy_holds_what_was_put_into_it() -> None:
    rows = chain(3, first=7)
    value, last = packed(rows)
    assert (unpacked(value), last) == (rows, 9)


@given(st.lists(st.integers(1, RECORD_BYTES), min_size=1, max_size=12), st.integers(0, 12))
def test_a_copy_fits_into_a_value_and_holds_what_follows_one_another(sizes: list[int], gap: int) -> None:
    rows = [(place + (place >= gap), bytes(size)) for place, size in enumerate(sizes)]
    value, last = packed(rows)
    assert len(value) <= VALUE_MAX
    held = unpacked(value)
    assert held == rows[: len(held)]
    assert last == held[-1][0] == rows[0][0] + len(held) - 1
    assert len(held) in (len(rows), gap) or sum(sizes[: len(held) + 1]) > COPY_BYTES


@given(st.binary(max_size=60))
def test_bytes_that_are_no_copy_are_refused(data: bytes) -> None:
    with pytest.raises(BadCopy):
        unpacked(data)


def test_copies_of_one_host_are_one_chain_also_where_some_are_gone_or_there_twice() -> None:
    rows = chain(9)
    copies = read(rows[2:4], rows[3:5], rows[7:])
    assert (sorted(copies.entries), copies.last, copies.faults) == ([3, 4, 5, 8, 9], 9, [])
    assert copies.digests[9] == digest(rows[8][1])
    assert read().last == 0


def test_a_forged_copy_is_named_and_counts_for_nothing() -> None:
    rows = chain(2)
    for wrong in (chain(2, OTHER), [(1, rows[0][1][:-1] + b"x")], [(5, rows[0][1])], [(1, b"")]):
        copies = read(rows, wrong)
        assert sorted(copies.entries) == [1, 2]
        assert len(copies.faults) == 1
        assert f"{KEY}{1:026} is no copy of this host's audit" in copies.faults[0]


def test_two_histories_of_one_host_are_noticed() -> None:
    rows = chain(4)
    fork = chain(1, first=3, before=digest(chain(1, first=2)[0][1]))
    assert "entry 3 was copied twice, and not the same" in read(rows, fork).faults[0]
    assert "entry 3 was written after another one than the copied entry 2" in read(rows[:2], fork).faults[0]


def test_only_some_faults_are_kept() -> None:
    assert len(read(*[chain(1, OTHER)] * 30).faults) == FAULTS_MOST


def copy(made: float, size: int) -> Item:
    return Item(f"{KEY}{ulid(made, bytes(10))}", bytes(size), 1, 1)


def test_the_oldest_copies_go_beyond_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [copy(KEPT_S + n, 100) for n in range(10)]
    assert surplus(some, KEPT_S) == []
    assert surplus(some, 2 * KEPT_S + 3) == [item.key for item in some[:3]]
    monkeypatch.setattr(module, "KEPT_COPIES", 4)
    assert surplus(some, KEPT_S) == [item.key for item in some[:6]]
    monkeypatch.setattr(module, "KEPT_BYTES", 2 * (100 + len(some[0].key)))
    assert surplus(some, KEPT_S) == [item.key for item in some[:8]]


def test_a_key_that_tells_no_time_goes_by_its_place() -> None:
    assert surplus([Item(f"{KEY}odd", b"", 1, 1)], 10 * KEPT_S) == []
