import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.config.dotenv import parse_dotenv


@pytest.mark.parametrize(
    "line, value",
    [
        ("A=b", "b"), ("A = b ", "b"), ("export A=b", "b"), ("A=", ""), ("A=b # c", "b"), ("A=b#c", "b#c"),
        ("A='b # c' # d", "b # c"), ('A="b\\n\\"c\\"\\$"', 'b\n"c"$'), ("A=$HOME", "$HOME"), ("A=b=c", "b=c"),
        ("A=# nothing", ""), ("A='$x \\n'", "$x \\n"), ("A=b\r", "b"),
    ],
)  # fmt: skip
def test_lines_are_read(line: str, value: str) -> None:
    assert parse_dotenv(line, ".env") == ({"A": value}, [])


def test_comments_and_empty_lines_are_passed_over() -> None:
    assert parse_dotenv("\ufeff# a\n\n  # b\n", ".env") == ({}, [])


@pytest.mark.parametrize(
    "line", ["A", "=b", "1A=b", "A B=c", 'A="open', "A='open", 'A="b" c', 'A="\\q"', "A=a\0b", "A=b\nA=c"]
)
def test_a_wrong_line_is_told_with_its_number_and_without_its_value(line: str) -> None:
    found, faults = parse_dotenv(f"X=1\n  {line}-hunter2\n" if "\n" not in line else f"X=1\n{line}", ".env")
    assert found["X"] == "1"
    assert len(faults) == (0 if line == "A B=c" and found.get("A") else 1)
    assert "hunter2" not in str(faults)
    assert faults[0].line in (2, 3)


PLAIN = st.text(st.characters(exclude_characters="'\0\n\r", exclude_categories=["Cs"]))


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]*", fullmatch=True), PLAIN, max_size=5))
def test_what_stands_in_single_quotes_comes_back(values: dict[str, str]) -> None:
    text = "".join(f"{name}='{value}'\n" for name, value in values.items())
    assert parse_dotenv(text, ".env") == (values, [])


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    found, faults = parse_dotenv(text, ".env")
    assert all("\0" not in value for value in found.values())
    assert all(fault.line > 0 for fault in faults)
