"""The head of a CONNECT."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.socks.destination import Destination
from plugins.socks.handshake import Credentials
from plugins.socks.request import Code
from plugins.socks.webproxy import HEAD_MAX, BadHead, Head, answer, parse

HEAD = b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nUser-Agent: x\r\n\r\n"
MIKE = Credentials("mike", "secret")


def login(text: bytes) -> bytes:
    return HEAD[:-2] + b"Proxy-Authorization: " + text + b"\r\n\r\n"


def test_a_head_is_found_however_it_comes() -> None:
    assert parse(HEAD + b"the first bytes of what follows") == Head(
        Destination("example.org", 443), len(HEAD)
    )
    for cut in range(len(HEAD)):
        assert parse(HEAD[:cut]) is None


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    head = parse(b"CONNECT [::1]:80 HTTP/1.0\r\n\r\n")
    assert head is not None
    assert head.destination == Destination("::1", 80)


@pytest.mark.parametrize(
    "data, status",
    [
        (b"GET http://example.org/ HTTP/1.1\r\n\r\n", b"405"),
        (b"CONNECT example.org HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT example.org:0 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT example.org:70000 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT ex\xffample.org:80 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT " + b"x" * HEAD_MAX, b"431"),
    ],
)
def test_another_head_is_refused_with_a_status(data: bytes, status: bytes) -> None:
    with pytest.raises(BadHead) as caught:
        parse(data)
    assert caught.value.answer.startswith(b"HTTP/1.1 " + status)
    assert caught.value.answer.endswith(b"\r\n\r\n")


def test_a_password_is_asked_for_and_taken() -> None:
    right = login(b"Basic " + base64.b64encode(b"mike:secret"))
    assert parse(right, MIKE) == Head(Destination("example.org", 443), len(right))


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        login(b"Basic " + base64.b64encode(b"mike:wrong")),
        login(b"Basic ***"),
        login(b"Bearer " + base64.b64encode(b"mike:secret")),
    ],
)
def test_without_the_password_it_is_asked_for(head: bytes) -> None:
    with pytest.raises(BadHead) as caught:
        parse(head, MIKE)
    assert b"407" in caught.value.answer
    assert b"Proxy-Authenticate: Basic" in caught.value.answer


@pytest.mark.parametrize(
    "code, status",
    [(Code.DONE, b"200"), (Code.NOT_ALLOWED, b"403"), (Code.TOO_LATE, b"504"), (Code.REFUSED, b"502")],
)
def test_each_outcome_has_a_status(code: Code, status: bytes) -> None:
    assert answer(code).split()[1] == status


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_raise_anything_else(data: bytes, begun: bool) -> None:
    try:
        parse((b"CONNECT " if begun else b"") + data + b"\r\n\r\n", MIKE)
    except BadHead:
        return
