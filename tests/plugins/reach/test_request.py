"""The lines before the bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.kit.lines import BadLine
from plugins.reach import request
from plugins.reach.request import LINE_MAX, Answer, Ask


def test_both_go_there_and_back() -> None:
    assert request.ask(request.line(Ask("peers"))) == Ask("peers")
    for answer in (Answer(ok=True), Answer(ok=False, text="no")):
        assert request.answer(request.line(answer)) == answer


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b'{"to":1}\n',
        b'{"to":"../peers"}\n',
        b'{"to":"peers"}',
        b"[" * 400 + b"\n",
        b"\xff\n",
        b'{"to":"p","x":"%s"}\n' % (b"x" * LINE_MAX),
    ],
)
def test_anything_else_is_a_bad_line(data: bytes) -> None:
    with pytest.raises(BadLine):
        request.ask(data)


@given(
    st.binary() | st.dictionaries(st.text(), st.text() | st.booleans() | st.none()).map(msgspec.json.encode)
)
def test_no_bytes_are_more_than_a_bad_line(data: bytes) -> None:
    for read in (request.ask, request.answer):
        try:
            read(data + b"\n")
        except BadLine:
            continue
