"""Questions and answers."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.vpn import names
from plugins.vpn.names import Asked
from plugins.vpn.wire import VpnWireError

QUESTION = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x03www\x07example\x00\x00\x01\x00\x01"


@given(st.integers(0, 2**32 - 1), st.booleans(), st.binary(min_size=12, max_size=600))
def test_a_question_crosses_the_stream(number: int, tcp: bool, message: bytes) -> None:
    asked = Asked(number, tcp, message)
    assert names.unpacked(names.packed(asked)) == asked


@given(st.binary(max_size=40))
def test_any_bytes_are_a_question_or_refused(data: bytes) -> None:
    with contextlib.suppress(VpnWireError):
        asked = names.unpacked(data)
        assert names.packed(asked) == data
    if names.is_question(data):
        assert names.answers(names.failure(data), data)


def test_what_is_too_short_is_refused() -> None:
    for data in (b"", bytes(16), bytes(4) + b"\x02" + bytes(12)):
        with pytest.raises(VpnWireError, match="no question"):
            names.unpacked(data)


def test_a_failure_repeats_the_question() -> None:
    failure = names.failure(QUESTION)
    assert failure[3] & 15 == 2
    assert failure[12:] == QUESTION[12:]
    assert not names.is_question(failure)
    assert names.answers(failure, QUESTION)
    assert not names.answers(b"\x00" + failure[1:], QUESTION)


def test_resolvers_are_read_as_the_system_reads_them() -> None:
    text = "# nameserver 1.1.1.1\nsearch lan\nnameserver 10.0.0.1 x\nnameserver fe80::1%eth0\n"
    text += "nameserver lan\nnameserver\n"
    assert names.nameservers(text) == ("10.0.0.1", "fe80::1%eth0")
    assert names.nameservers("") == ("127.0.0.1",)
