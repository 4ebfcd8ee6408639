"""The head of an audit as it travels and is kept."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.identity import Identity
from tests.support.audits import HOST
from viscript.cluster.audit.heads import CONTEXT, HEAD_BYTES, BadHead, Head, follows, read_head, sign_head

OTHER = Identity(bytes(32))
HASH = b"h" * 32


def head(number: int, signer: Identity = HOST) -> bytes:
    return sign_head(number, HASH, now=5.0, signer=signer)


def test_a_head_says_how_far_its_host_has_come() -> None:
    assert read_head(head(7), HOST.public_key) == Head(HOST.public_key, 7, HASH, 5.0)
    assert len(head(2**60)) <= HEAD_BYTES


def test_the_head_of_another_host_is_refused() -> None:
    with pytest.raises(BadHead, match="did not sign"):
        read_head(head(7, OTHER), HOST.public_key)
    body = msgspec.msgpack.encode(Head(OTHER.public_key, 7, HASH, 5.0))
    with pytest.raises(BadHead, match="another host"):
        read_head(HOST.sign(CONTEXT, body) + body, HOST.public_key)


@pytest.mark.parametrize("place", range(0, 130, 7))
def test_every_changed_byte_is_noticed(place: int) -> None:
    record = bytearray(head(7))
    record[place % len(record)] ^= 1
    with pytest.raises(BadHead):
        read_head(bytes(record), HOST.public_key)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_head_are_refused(data: bytes) -> None:
    with pytest.raises(BadHead):
        read_head(data, HOST.public_key)
    with pytest.raises(BadHead):
        read_head(HOST.sign(CONTEXT, data) + data, HOST.public_key)


def test_a_head_is_kept_when_it_goes_further() -> None:
    key = HOST.public_key
    assert follows(head(1), b"", key)
    assert follows(head(8), head(7), key)
    assert not follows(head(7), head(7), key)
    assert not follows(head(6), head(7), key)
