"""The keeper's wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper.protocol import Json, Lines, ProtocolError, answer, decode, encode, refusal

MESSAGES: list[Json] = [{"id": 1, "op": "ping"}, {"ev": "out", "text": "ä\n\u2028"}, {}]


def test_lines_survive_any_split() -> None:
    data = b"".join(map(encode, MESSAGES))
    for cut in range(len(data) + 1):
        lines = Lines()
        assert lines.feed(data[:cut]) + lines.feed(data[cut:]) == MESSAGES


def test_lines_survive_byte_by_byte() -> None:
    lines = Lines()
    data = b"".join(map(encode, MESSAGES))
    found = [message for at in range(len(data)) for message in lines.feed(data[at : at + 1])]
    assert found == MESSAGES


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()))
def test_a_message_comes_back_as_it_was(message: Json) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line[:-1]) == message


@given(st.binary(max_size=200))
def test_random_bytes_give_messages_or_one_kind_of_error(data: bytes) -> None:
    try:
        found = Lines().feed(data)
    except ProtocolError:
        return
    assert all(isinstance(message, dict) for message in found)


@pytest.mark.parametrize("line", [b"", b"[]", b"1", b'"x"', b"{", b"\xff", b"[" * 100_000, b"null"])
def test_what_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(line)


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    lines = Lines(longest=100)
    lines.feed(b"x" * 100)
    with pytest.raises(ProtocolError, match="longer than 100"):
        lines.feed(b"x")


def test_a_long_line_is_refused_also_when_it_is_whole() -> None:
    with pytest.raises(ProtocolError, match="longer than 100"):
        Lines(longest=100).feed(b'{"a":"' + b"x" * 100 + b'"}\n')


def test_answers_name_their_request() -> None:
    assert json.loads(encode(answer(4, {"pid": 1}))) == {"re": 4, "ok": {"pid": 1}}
    assert refusal(4, "exists", "7 runs")["err"] == {"code": "exists", "text": "7 runs"}
