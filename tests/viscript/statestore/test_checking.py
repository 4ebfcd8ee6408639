"""The limits of the contract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.statestore.api import (
    KEY_MAX,
    OPERATIONS_MAX,
    TTL_MAX_S,
    VALUE_MAX,
    Compare,
    Delete,
    Get,
    Op,
    Put,
    absent,
)
from viscript.statestore.checking import check_ttl, check_txn, end_of, key_bytes, prefix_bytes
from viscript.statestore.errors import InvalidRequest, TooLarge


@given(st.binary(max_size=4), st.binary(max_size=4))
def test_the_end_of_a_prefix_parts_what_begins_so_from_all_behind(prefix: bytes, other: bytes) -> None:
    end = end_of(prefix)
    inside = prefix <= other and (not end or other < end)
    assert inside is other.startswith(prefix)


@pytest.mark.parametrize("prefix, end", [(b"a", b"b"), (b"a\xff", b"b"), (b"", b""), (b"\xff\xff", b"")])
def test_the_end_of_a_prefix_is_the_first_key_behind_it(prefix: bytes, end: bytes) -> None:
    assert end_of(prefix) == end


def test_a_key_is_text_of_a_bounded_length() -> None:
    assert key_bytes("ключ") == "ключ".encode()
    assert key_bytes("k" * KEY_MAX)
    assert prefix_bytes("") == b""
    for bad, why in (
        ("", "not empty"),
        ("k" * 1025, "at most 1024 bytes"),
        ("a\0", "NUL"),
        ("\ud800", "no Un"),
    ):
        with pytest.raises(InvalidRequest, match=why):
            key_bytes(bad)


@pytest.mark.parametrize("ttl_s", [0, -1, TTL_MAX_S + 1])
def test_a_lease_has_a_time_it_can_have(ttl_s: int) -> None:
    check_ttl(TTL_MAX_S)
    with pytest.raises(InvalidRequest, match="a lease lives from 1 s"):
        check_ttl(ttl_s)


@pytest.mark.parametrize(
    "operations, why",
    [
        ([Put("a", b""), Put("a", b"")], "a is written twice"),
        ([Delete("a"), Put("a", b"")], "a is written twice"),
        ([Put("a", b"", -1)], "is no lease"),
        ([Put("a", b"", 2**63)], "is no lease"),
        ([Get("a")] * (OPERATIONS_MAX + 1), "at most 128 operations"),
    ],
)
def test_operations_no_engine_takes_are_refused_in_both_branches(operations: list[Op], why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        check_txn((), operations, ())
    with pytest.raises(InvalidRequest, match=why):
        check_txn((), (), operations)


def test_one_key_may_be_written_in_each_branch_and_read_beside() -> None:
    check_txn((absent("a"),), (Get("a"), Put("a", b""), Get("a")), (Delete("a"),))


@pytest.mark.parametrize(
    "compare",
    [
        Compare("a", "value", "=", 1),
        Compare("a", "lease", "=", b"1"),
        Compare("a", "created", "=", -1),
        Compare("a", "revision", "<", 2**63),
        Compare("", "revision", "<", 1),
    ],
)
def test_a_comparison_has_the_type_of_what_it_compares(compare: Compare) -> None:
    with pytest.raises(InvalidRequest):
        check_txn((compare,), (), ())


def test_what_is_too_large_says_how_large_it_may_be() -> None:
    with pytest.raises(TooLarge) as caught:
        check_txn((), (Put("a", b"x" * (VALUE_MAX + 1)),), ())
    assert (caught.value.size, caught.value.limit) == (VALUE_MAX + 1, VALUE_MAX)
    with pytest.raises(TooLarge, match="the transaction has"):
        check_txn((), [Put(f"k{n}", b"x" * VALUE_MAX) for n in range(17)], ())
    with pytest.raises(InvalidRequest, match="at most 128 comparisons"):
        check_txn([absent("a")] * (OPERATIONS_MAX + 1), (), ())
