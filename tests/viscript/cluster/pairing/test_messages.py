"""Messages: what comes back, and that nothing else is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.cluster.pairing.code import ID_BYTES
from viscript.cluster.pairing.messages import (
    MOST_RECORDS,
    Abort,
    BadMessage,
    Confirm,
    Message,
    Offer,
    Request,
    Reveal,
    Status,
    Taken,
    Welcome,
    answer,
    decode,
    encode,
    hello,
    read_answer,
    read_hello,
)
from viscript.verbs.table import Role

MESSAGES: tuple[Message, ...] = (
    Offer(commit=b"c" * 32, cluster=b"k" * 32, label="a", card=b"card", role=Role.VIEW, name="b", hosts=3),
    Request(nonce=b"n" * 32, label="b", card=b"card", version="1"),
    Reveal(b"n" * 32),
    Confirm(),
    Abort(True, "no"),
    Welcome((b"one", b"two")),
    Taken(),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_cut_off_is_none(message: Message) -> None:
    data = encode(message)
    for end in range(len(data)):
        with pytest.raises(BadMessage):
            decode(data[:end])


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(data)


@pytest.mark.parametrize(
    "message",
    [
        Reveal(b"short"),
        Welcome(()),
        Welcome((b"r",) * (MOST_RECORDS + 1)),
        Request(nonce=b"n" * 32, label="two words", card=b""),
        Abort(False, "x" * 301),
    ],
)
def test_a_message_out_of_its_bounds_is_refused(message: Message) -> None:
    with pytest.raises(BadMessage):
        decode(encode(message))


def test_the_hello_names_an_invitation() -> None:
    assert read_hello(hello(b"i" * ID_BYTES, b"first")) == (b"i" * ID_BYTES, b"first")


@pytest.mark.parametrize("data", [b"", b"vsp1", b"vsp1short", b"GET / HTTP/1.1", b"vsp2" + b"i" * 80])
def test_what_is_no_hello_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        read_hello(data)


@pytest.mark.parametrize("status", Status)
def test_the_answer_says_how_it_stands(status: Status) -> None:
    assert read_answer(answer(status, b"second")) == (status, b"second")


@pytest.mark.parametrize("data", [b"", b"\xff"])
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        read_answer(data)
