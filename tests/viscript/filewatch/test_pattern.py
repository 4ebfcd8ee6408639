"""Paths and patterns of `watch`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.filewatch.pattern import MAX_DEPTH, is_passed_over, parse_pattern


def counts(text: str, path: str) -> bool:
    return parse_pattern(text).counts(tuple(path.split("/")))


def test_a_plain_path_is_itself_and_all_below() -> None:
    found = parse_pattern("src/web")
    assert (found.base, found.names, found.depth) == ("src/web", (), MAX_DEPTH)
    assert found.counts(("a", "b"))


def test_a_pattern_is_looked_for_below_what_is_plain_in_it() -> None:
    found = parse_pattern("conf/web/*.yaml")
    assert (found.base, found.depth) == ("conf/web", 1)
    assert parse_pattern("*.py").base == "."
    assert parse_pattern("/etc/*/x").base == "/etc"


def test_a_wildcard_stands_for_letters_of_one_name() -> None:
    assert counts("*.py", "a.py")
    assert not counts("*.py", "src/a.py")
    assert counts("[ab]?.py", "b1.py")
    assert not counts("[!ab].py", "a.py")
    assert not counts("*/x", "x")


def test_two_stars_stand_for_any_number_of_folders() -> None:
    for path in ("a.py", "x/a.py", "x/y/z/a.py"):
        assert counts("**/*.py", path)
        assert counts("**/**/*.py", path)
        assert counts("**", path)
    assert not counts("**/*.py", "x/a.txt")
    assert counts("*/**/test/*", "a/b/c/test/x")
    assert not counts("*/**/test/*", "test/x")


def test_many_stars_cost_no_patience() -> None:
    assert not counts("/".join(["**", "a"] * 19), "/".join("a" * 18 + "b"))


@pytest.mark.parametrize("text", ["", "   ", "a/*/../b", "*/" * 41, "x" * 5000])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must not|longer|more than|\"\.\.\")"):
        parse_pattern(text)


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_text_is_a_pattern_or_refused(text: str, path: str) -> None:
    try:
        found = parse_pattern(text)
    except ValueError:
        return
    assert found.counts(tuple(path.split("/"))) in (True, False)
    assert 0 < found.depth <= MAX_DEPTH


@pytest.mark.parametrize(
    "name",
    [
        "a.py~",
        ".a.py.swp",
        ".#a.py",
        "#a.py#",
        "4913",
        "x.tmp",
        "a.pyc",
        "__pycache__",
        ".git",
        ".goutputstream-X1",
    ],
)
def test_what_editors_and_tools_leave_is_passed_over(name: str) -> None:
    assert is_passed_over(name)


@pytest.mark.parametrize("name", ["a.py", ".env", "tmp", "git", "swp", "4914", "a~b"])
def test_what_people_write_is_not(name: str) -> None:
    assert not is_passed_over(name)
