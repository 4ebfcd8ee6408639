"""Addresses of clients."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.vpn.pool import Pool, PoolFull

SMALL = IPv4Network("10.0.0.0/29")  # the exit, and 5 clients


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.booleans()), max_size=30))
def test_no_two_keys_ever_have_one_address(steps: list[tuple[bytes, bool]]) -> None:
    pool, held = Pool(SMALL), dict[bytes, int]()
    for key, takes in steps:
        if takes and (key in held or len(held) < 5):
            held[key] = pool.take(key)
        elif not takes:
            pool.give_back(key)
            held.pop(key, None)
        assert len(set(held.values())) == len(held)
        for number in held.values():
            assert IPv4Address(pool.addresses(number)[0]) in list(SMALL.hosts())[1:]


def test_a_key_has_its_address_again() -> None:
    first, key = Pool(), bytes(range(32))
    number = first.take(key)
    assert first.take(key) == number
    first.give_back(key)
    assert first.take(key) == Pool().take(key) == number


def test_a_full_pool_says_so() -> None:
    pool = Pool(SMALL, None)
    for number in range(5):
        pool.take(bytes([number]) * 32)
    with pytest.raises(PoolFull, match=r"all 5 addresses of 10.0.0.0/29 are in use"):
        pool.take(bytes(32)[:31] + b"x")
    assert pool.addresses(1) == ("10.0.0.1", "")
