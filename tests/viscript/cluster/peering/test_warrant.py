"""Who may speak for other clusters, by a signature of the cluster's key."""

import pytest

from tests.support.rosters import host
from viscript.cluster.peering.warrant import is_warrant, warrant

CLUSTER, OTHER, GATEWAY, HOST = (host(number) for number in range(4))
GOOD = warrant(CLUSTER, GATEWAY.public_key)


def test_the_host_it_was_made_for_may() -> None:
    assert is_warrant(GOOD, CLUSTER.public_key, GATEWAY.public_key)


def test_nobody_else_may_and_it_is_of_one_cluster() -> None:
    assert not is_warrant(GOOD, CLUSTER.public_key, HOST.public_key)
    assert not is_warrant(GOOD, OTHER.public_key, GATEWAY.public_key)
    assert not is_warrant(GOOD, None, GATEWAY.public_key)


@pytest.mark.parametrize("text", ["", "zz", "00" * 63, "00" * 64, GOOD[:-2], GOOD + "00"])
def test_what_is_none_is_none(text: str) -> None:
    assert not is_warrant(text, CLUSTER.public_key, GATEWAY.public_key)


@pytest.mark.parametrize("at", range(0, 64, 7))
def test_no_byte_of_it_can_be_changed(at: int) -> None:
    raw = bytearray.fromhex(GOOD)
    raw[at] ^= 1
    assert not is_warrant(raw.hex(), CLUSTER.public_key, GATEWAY.public_key)
