"""The lines before the bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.kit.lines import BadLine
from plugins.forward import request
from plugins.forward.request import LINE_MAX, Answer, Back, Lend, Open


@pytest.mark.parametrize(
    "message",
    [
        Open(target="127.0.0.1:80"),
        Open(target="a:1", udp=True, probe=True),
        Lend(listen="a:1", token="t"),
        Back(token="t", udp=True),
    ],
)
def test_a_request_goes_there_and_back(message: request.Request) -> None:
    assert request.request(request.line(message)) == message


@pytest.mark.parametrize(
    "answer", [Answer(ok=True, text="127.0.0.1:80"), Answer(ok=False, code="c", text="t")]
)
def test_an_answer_goes_there_and_back(answer: Answer) -> None:
    assert request.answer(request.line(answer)) == answer


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b'{"t":"dance"}\n',
        b'{"t":"open"}\n',
        b'{"t":"open","target":"x"}',
        b"[" * 900 + b"\n",
        b"\xff\n",
        b'{"t":"open","target":"%s"}\n' % (b"x" * LINE_MAX),
    ],
)
def test_anything_else_is_a_bad_line(data: bytes) -> None:
    with pytest.raises(BadLine):
        request.request(data)


@given(
    st.binary() | st.dictionaries(st.text(), st.text() | st.booleans() | st.none()).map(msgspec.json.encode)
)
def test_no_bytes_are_more_than_a_bad_line(data: bytes) -> None:
    for read in (request.request, request.answer):
        try:
            read(data + b"\n")
        except BadLine:
            continue


@given(st.text(), st.text(min_size=900))
def test_a_long_reason_is_cut_so_that_the_line_is_whole(code: str, text: str) -> None:
    data = request.line(Answer(ok=False, code=code, text=text))
    assert len(data) <= LINE_MAX
    assert not request.answer(data).ok
