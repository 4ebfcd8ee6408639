"""Nothing that others wrote reaches the terminal as more than letters."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.skychat import shown

ROW: dict[str, Any] = {
    "time": "2026-09-21T12:00:00+00:00", "mine": False, "name": "mike", "sender": 32 * "0a",
    "talk": 32 * "0a", "leaves": False, "text": "Hello", "state": "unread",
}  # fmt: skip
ROOM: dict[str, Any] = {
    "name": "tea", "kind": "room", "talk": 16 * "0b", "members": ["a", "b"], "is_left": True,
    "unread": 2, "last": "x" * 100,
}  # fmt: skip


@given(st.text())
def test_no_letter_that_a_terminal_obeys_is_left(text: str) -> None:
    for letter in shown.plain(text).replace("\n", ""):
        assert unicodedata.category(letter) not in {"Cc", "Zl", "Zp"}
        assert letter not in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"


@pytest.mark.parametrize(
    "text, seen",
    [
        ("plain", "plain"),
        ("a\x1b[31mred", "a\ufffd[31mred"),
        ("one\r\ntwo\nthree", "one\n    two\n    three"),
        ("over\rwrite", "over\ufffdwrite"),
        ("\u202eesrever", "\ufffdesrever"),
        ("a\tb", "a    b"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_what_is_left_of_a_text(text: str, seen: str) -> None:
    assert shown.plain(text) == seen


def test_a_line_tells_when_who_where_and_how_far() -> None:
    assert shown.line(ROW, {}).endswith("  mike: Hello\n")
    assert shown.line({**ROW, "name": ""}, {}).endswith("  0a0a0a0a0a0a: Hello\n")
    assert shown.line({**ROW, "mine": True, "state": "sent"}, {}).endswith("  you: Hello  [sent]\n")
    assert shown.line(ROW, {ROW["talk"]: "tea"}).endswith("  mike in tea: Hello\n")
    assert shown.line({**ROW, "leaves": True}, {ROW["talk"]: "tea"}).endswith("  mike left in tea\n")


def test_each_day_has_a_line() -> None:
    later = {**ROW, "time": "2026-09-24T12:00:00+00:00"}
    lines = shown.texts([ROW, ROW, later], {}).splitlines()
    assert [line for line in lines if line.startswith("--")] == [
        "-- Monday 21 September 2026",
        "-- Thursday 24 September 2026",
    ]


def test_talks_are_one_line_each() -> None:
    peer = {"name": "mike", "kind": "peer", "talk": 32 * "0a", "unread": 0, "last": "two\nlines"}
    first, second, third = shown.talks([peer, {**peer, "name": "", "last": ""}, ROOM]).splitlines()
    assert first.startswith("mike (0a0a0a0a0a0a)")
    assert first.endswith("two lines")
    assert second == "0a0a0a0a0a0a"
    assert third.startswith("tea (room:0b0b0b0b0b0b, 2 members, left)  2 unread")
    assert third.endswith("…")
