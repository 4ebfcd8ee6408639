import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.logs.form import json_line, plain, stamp, stamped
from viscript.logs.lines import Line

LINE = Line("err", 0, 1_700_000_000_123_456_789, b"caf\xc3\xa9\n")


@pytest.mark.parametrize(
    "text, harmless",
    [
        ("plain text\twith a tab", "plain text\twith a tab"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r0m\x1b\\x", "x"),
        ("\x1b[?1049hfull screen", "full screen"),
        ("\x9b31mC1", "31mC1"),
        ("over\rwrite\x08\x7f", "overwrite"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("\x1b", ""),
        ("\x1b(Bx", "x"),
    ],
)
def test_a_terminal_finds_nothing_to_obey(text: str, harmless: str) -> None:
    assert plain(text) == harmless


@given(st.text())
def test_no_control_character_is_ever_left(text: str) -> None:
    assert all(char == "\t" or (char.isprintable() or ord(char) >= 0xA0) for char in plain(text))


def test_stamps_sort_as_text() -> None:
    assert stamp(LINE.time_ns) == "2023-11-14T22:13:20.123Z"
    assert stamp(0) == "1970-01-01T00:00:00.000Z"


def test_a_stamped_line_ends_in_any_case() -> None:
    assert stamped(LINE) == b"2023-11-14T22:13:20.123Z caf\xc3\xa9\n"
    assert stamped(LINE._replace(raw=b"name? ")).endswith(b" name? \n")


def test_a_json_line_is_one_object() -> None:
    data = json_line(LINE, seq=7, name="web")
    assert data.endswith(b"\n")
    assert json.loads(data) == {
        "id": 7,
        "name": "web",
        "time": pytest.approx(1_700_000_000.123),
        "stream": "err",
        "text": "café",
    }
