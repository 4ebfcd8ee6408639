"""Requests and replies of SOCKS 4, 4a and 5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.socks.destination import NOWHERE, Destination
from plugins.socks.request import (
    BadRequest,
    Code,
    Command,
    Request,
    parse,
    parse_reply,
    reply,
    write,
)

FIVE = write(Command.CONNECT, Destination("example.org", 443))
FOUR = b"\x04\x01\x00\x50\x0a\x01\x02\x03mike\x00"
FOUR_A = b"\x04\x01\x00\x50\x00\x00\x00\x07mike\x00example.org\x00"
WANTED = {
    FIVE: Request(5, Command.CONNECT, Destination("example.org", 443), len(FIVE)),
    write(Command.UDP, NOWHERE): Request(5, Command.UDP, NOWHERE, 10),
    FOUR: Request(4, Command.CONNECT, Destination("10.1.2.3", 80), len(FOUR)),
    FOUR_A: Request(4, Command.CONNECT, Destination("example.org", 80), len(FOUR_A)),
}


@pytest.mark.parametrize("data", WANTED)
def test_a_request_is_found_however_it_comes(data: bytes) -> None:
    assert parse(data + b"the first bytes of what follows") == WANTED[data]
    for cut in range(len(data)):
        assert parse(data[:cut]) is None


@pytest.mark.parametrize(
    "data, told",
    [
        (b"\x06", b""),
        (b"\x05\x07\x00\x01\x01\x02\x03\x04\x00\x50", reply(5, Code.NO_SUCH_COMMAND)),
        (b"\x05\x01\x00\x09\x01\x02\x03\x04\x00\x50", reply(5, Code.NO_SUCH_KIND)),
        (b"\x04\x02", reply(4, Code.NO_SUCH_COMMAND)),
        (b"\x04\x01\x00\x50\x00\x00\x00\x01\x00a b\x00", reply(4, Code.FAILED)),
        (b"\x04\x01\x00\x50\x00\x00\x00\x01" + b"u" * 300, reply(4, Code.FAILED)),
        (b"\x04\x01\x00\x50\x00\x00\x00\x01\x00" + b"n" * 300, reply(4, Code.FAILED)),
    ],
)
def test_what_is_no_request_is_told_in_the_programs_own_protocol(data: bytes, told: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(data)
    assert caught.value.reply == told


def test_a_reply_is_read_as_it_was_written() -> None:
    data = reply(5, Code.NO_HOST, Destination("10.0.0.1", 99))
    assert parse_reply(data + b"x") == (Code.NO_HOST, Destination("10.0.0.1", 99), len(data))
    assert all(parse_reply(data[:cut]) is None for cut in range(len(data)))


@pytest.mark.parametrize("data", [b"\x04", b"\x05\x63\x00\x01" + bytes(6), b"\x05\x00\x00\x09\x00"])
def test_a_reply_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_reply(data)


def test_version_4_knows_yes_and_no() -> None:
    assert reply(4, Code.DONE) == b"\x00\x5a" + bytes(6)
    assert reply(4, Code.TOO_LATE) == b"\x00\x5b" + bytes(6)


@given(st.one_of(st.binary(max_size=600), st.binary(max_size=600).map(lambda rest: b"\x04\x01" + rest)))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for read in (parse, parse_reply):
        try:
            read(data)
        except BadRequest:
            continue
