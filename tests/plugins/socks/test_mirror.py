"""The exit's own page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.socks import mirror
from plugins.socks.destination import Destination


def test_the_page_is_read_as_it_was_written() -> None:
    data = mirror.answer("aa", "bb", ["10.0.0.1", "fd00::1"])
    assert mirror.parse(data) == {"exit": "aa", "you": "bb", "addresses": ["10.0.0.1", "fd00::1"]}
    head, _, body = data.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_the_name_is_asked_for_in_any_writing_and_no_other() -> None:
    assert mirror.is_asked(Destination("Exit.viscript.internal.", 80))
    assert not mirror.is_asked(Destination("viscript.internal", 80))


def test_a_request_ends_with_an_empty_line_or_is_too_long() -> None:
    assert mirror.is_whole(mirror.REQUEST)
    assert not mirror.is_whole(mirror.REQUEST[:-1])
    assert mirror.is_whole(bytes(mirror.HEAD_MAX + 1))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"exit": 1, "you": "b", "addresses": []}', b'{"exit": "a", "you": "b"}']
)
def test_another_page_is_none(body: bytes) -> None:
    with pytest.raises(mirror.BadPage):
        mirror.parse(b"HTTP/1.0 200 OK\r\n\r\n" + body)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        mirror.parse(b"\r\n\r\n" + data)
    except mirror.BadPage:
        return
