import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.errors import ExitCode, VerbError
from viscript.verbs.script import partial, split


def words(text: str) -> list[tuple[str, ...]]:
    return [command.words for command in split(text)]


@pytest.mark.parametrize(
    "text, commands",
    [
        ("", []),
        ("ping 7; ru 7", [("ping", "7"), ("ru", "7")]),
        ("ping 7\nru 7\n", [("ping", "7"), ("ru", "7")]),
        (";;\n ; ", []),
        ("s web 'a b' \"c d\" e\\ f", [("s", "web", "a b", "c d", "e f")]),
        ("s web '' x", [("s", "web", "", "x")]),
        ("s web a';'b", [("s", "web", "a;b")]),
        ("# all\nping 7 # that one\nru#7", [("ping", "7"), ("ru#7",)]),
        ("ping web#2", [("ping", "web#2")]),
        ("ping \\\n 7", [("ping", "7")]),
        ('send 7 "a\\"b\\\\c\\d"', [("send", "7", 'a"b\\c\\d')]),
        ("ping 7\r\nru 7", [("ping", "7"), ("ru", "7")]),
    ],
)
def test_a_script_is_split(text: str, commands: list[tuple[str, ...]]) -> None:
    assert words(text) == commands


def test_a_command_knows_its_line() -> None:
    assert [command.line for command in split("ping 7\n\nru 7; la\n'a\nb' c")] == [1, 3, 3, 4]


def test_a_quote_that_never_ends_is_told_with_its_place() -> None:
    with pytest.raises(VerbError, match="line 2, column 6") as caught:
        split("la\nping 'x")
    assert caught.value.code is ExitCode.USAGE


@pytest.mark.parametrize(
    "text, done, last, start",
    [
        ("", (), "", 0),
        ("pi", (), "pi", 0),
        ("ping ", ("ping",), "", 5),
        ("ping 1", ("ping",), "1", 5),
        ("la; ping 'a b", ("ping",), "a b", 9),
        ("la # x", ("la",), "", 6),
    ],
)
def test_an_unfinished_command_is_understood(text: str, done: tuple[str, ...], last: str, start: int) -> None:
    found = partial(text)
    assert (found.words, found.last, found.start) == (done, last, start)


@given(st.lists(st.text(min_size=1).filter(lambda text: "\0" not in text), min_size=1))
def test_what_the_shell_quotes_is_read_back(given_words: list[str]) -> None:
    assert words(shlex.join(given_words)) == [tuple(given_words)]


@given(st.text())
def test_any_text_is_split_or_refused(text: str) -> None:
    partial(text)
    fault = "never closed"
    try:
        split(text)
    except VerbError as exc:
        fault = exc.text
    assert "never closed" in fault
