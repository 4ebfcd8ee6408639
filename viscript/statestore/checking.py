"""What every engine refuses before it does anything: the limits of the contract. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from viscript.statestore.api import (
    KEY_MAX,
    OPERATIONS_MAX,
    TTL_MAX_S,
    TXN_MAX,
    VALUE_MAX,
    Compare,
    Delete,
    Op,
    Put,
)
from viscript.statestore.errors import InvalidRequest, TooLarge

NUMBER_MAX = 2**63 - 1


def key_bytes(key: str) -> bytes:
    """A key as it is kept. Raises `InvalidRequest`."""
    if not key:
        raise InvalidRequest("a key is not empty")
    return prefix_bytes(key)


def prefix_bytes(prefix: str) -> bytes:
    """The begin of keys, may be empty. Raises `InvalidRequest`."""
    try:
        raw = prefix.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequest(f"the key {prefix!r} is no Unicode text") from exc
    if len(raw) > KEY_MAX:
        raise InvalidRequest(f"a key has at most {KEY_MAX} bytes, this one {len(raw)}: {prefix[:40]}...")
    if "\0" in prefix:
        raise InvalidRequest(f"the key {prefix!r} holds a NUL character")
    return raw


def end_of(prefix: bytes) -> bytes:
    """The first key behind all that begin so; empty when there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else b""


def check_txn(compare: Sequence[Compare], then: Sequence[Op], otherwise: Sequence[Op]) -> None:
    """Raises `InvalidRequest` or `TooLarge` for what not every engine could carry out."""
    for name, part in (("comparisons", compare), ("operations", then), ("operations", otherwise)):
        if len(part) > OPERATIONS_MAX:
            raise InvalidRequest(f"a transaction has at most {OPERATIONS_MAX} {name}, not {len(part)}")
    size = sum(map(_check_compare, compare)) + _check_branch(then) + _check_branch(otherwise)
    if size > TXN_MAX:
        raise TooLarge("the transaction", size=size, limit=TXN_MAX)


def check_ttl(ttl_s: int) -> None:
    """Raises `InvalidRequest` for a time no lease can have."""
    if not 0 < ttl_s <= TTL_MAX_S:
        raise InvalidRequest(f"a lease lives from 1 s to {TTL_MAX_S} s, not {ttl_s} s")


def _check_compare(one: Compare) -> int:
    size = len(key_bytes(one.key))
    if one.what == "value":
        if not isinstance(one.to, bytes):
            raise InvalidRequest(f"{one.key}: a value is compared with bytes")
        return size + _value_size(one.key, one.to)
    if not isinstance(one.to, int) or not 0 <= one.to <= NUMBER_MAX:
        raise InvalidRequest(f"{one.key}: a {one.what} is compared with a whole number from 0 to 2^63-1")
    return size


def _check_branch(operations: Sequence[Op]) -> int:
    size, written = 0, set()
    for one in operations:
        size += len(key_bytes(one.key))
        if isinstance(one, Put):
            size += _value_size(one.key, one.value)
            if not 0 <= one.lease <= NUMBER_MAX:
                raise InvalidRequest(f"{one.key}: {one.lease} is no lease")
        if isinstance(one, Put | Delete):
            if one.key in written:
                raise InvalidRequest(f"{one.key} is written twice in one transaction")
            written.add(one.key)
    return size


def _value_size(key: str, value: bytes) -> int:
    if len(value) > VALUE_MAX:
        raise TooLarge(f"the value of {key}", size=len(value), limit=VALUE_MAX)
    return len(value)
