"""Datagrams in both forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.socks import datagrams
from plugins.socks.datagrams import DATA_MAX, Datagram
from plugins.socks.destination import BadDestination, Destination

ONE = Datagram(Destination("10.0.0.1", 53), b"question")


def test_both_forms_are_read_as_they_were_written() -> None:
    assert datagrams.of_program(datagrams.for_program(ONE)) == ONE
    data = datagrams.for_stream(ONE)
    assert int.from_bytes(data[:2], "big") == len(data) - 2
    assert datagrams.of_stream(data[2:]) == ONE


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x00\x00\x01" + datagrams.for_program(ONE)[3:],  # a piece of one
        b"\x00\x00\x00\x09aaaaaa",
        b"\x00\x00\x00\x01\x0a",
        datagrams.for_program(Datagram(ONE.place, bytes(DATA_MAX + 1))),
    ],
)
def test_what_cannot_be_forwarded_is_dropped(packet: bytes) -> None:
    assert datagrams.of_program(packet) is None


def test_a_peer_that_writes_rubbish_is_wrong() -> None:
    with pytest.raises(BadDestination):
        datagrams.of_stream(b"\x01\x0a")


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    datagrams.of_program(b"\x00\x00\x00" + data)
    try:
        datagrams.of_stream(data)
    except BadDestination:
        return
