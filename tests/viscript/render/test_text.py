import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.render.text import clean, clean_lines, cut, paint, tame, to_ascii, width


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain", "plain"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb", "a\\x0ab"),
        ("\u202ex", "\\u202ex"),
        ("é", "é"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_lines_stay_lines() -> None:
    assert clean_lines("a\n\tb\x1b\n") == "a\n\tb\\x1b\n"


@pytest.mark.parametrize("text, columns", [("abc", 3), ("日本", 4), ("", 0), ("é", 1)])
def test_widths_are_columns(text: str, columns: int) -> None:
    assert width(text) == columns


def test_a_cut_is_marked() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcdef", 4, plain=True) == "abc~"
    assert cut("日本語", 4) == "日…"
    assert cut("abc", 0) == ""


def test_colour_only_where_wanted() -> None:
    assert paint("x", "bad", colour=True) == "\x1b[31mx\x1b[0m"
    assert paint("x", "bad", colour=False) == paint("x", None, colour=True) == "x"


def test_ascii_terminals_get_ascii() -> None:
    assert to_ascii("é…") == "\\xe9~"


def test_an_apps_colours_stay_and_its_tricks_go() -> None:
    assert tame("\x1b[31mred\x1b[2J\x1b]0;title\x07\x08!") == "\x1b[31mred!\x1b[0m"
    assert tame("tab\there") == "tab\there"


@given(st.text())
def test_clean_text_is_harmless(text: str) -> None:
    assert "\x1b" not in clean(text)
    assert "\n" not in clean(text)


@given(st.text(), st.integers(min_value=0, max_value=40))
def test_a_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(clean(text), columns)) <= columns
