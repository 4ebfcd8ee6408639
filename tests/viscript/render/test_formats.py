import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from viscript.errors import ExitCode, VerbError
from viscript.render.formats import data_pieces, data_text, error_data, error_text, outcome_text, row_text
from viscript.verbs.results import StateRow
from viscript.verbs.table import Column, Format, Outcome, Terminal, Verb

VERB = Verb(name="x", summary="x", columns=(Column(title="id", text=lambda row: str(row.id)),))
ROWS = [StateRow(id=1, name="é", state="ready"), StateRow(id=2, name="b", state="done")]
UTF8 = Terminal(ascii=False)


def test_json_is_one_document() -> None:
    text = outcome_text(VERB, Outcome(data=ROWS), "json", UTF8)
    assert json.loads(text)[0] == {"id": 1, "name": "é", "state": "ready"}
    assert text.startswith('[\n  {\n    "id": 1')


def test_jsonl_is_a_line_a_row() -> None:
    assert len(outcome_text(VERB, Outcome(data=ROWS), "jsonl", UTF8).splitlines()) == 2
    assert outcome_text(VERB, Outcome(data=ROWS[0]), "jsonl", UTF8).count("\n") == 1


def test_yaml_holds_the_same_data() -> None:
    text = outcome_text(VERB, Outcome(data=ROWS), "yaml", UTF8)
    assert yaml.safe_load(text)[1]["name"] == "b"


def test_names_only() -> None:
    assert outcome_text(VERB, Outcome(data=ROWS), "name", UTF8) == "1\n2\n"


@pytest.mark.parametrize(
    "answer, names",
    [
        ({"find": {"summary": "x"}, "\x1bforget": {}}, "find\n\\x1bforget\n"),
        ({"id": 7, "load": 1}, "7\n"),
        ([{"name": "a"}, {"name": "b"}], "a\nb\n"),
        ([True, [1], "b", 5], "true\n[1]\nb\n5\n"),
        ({}, ""),
    ],
)
def test_what_an_app_answers_has_names_too(answer: Any, names: str) -> None:
    assert outcome_text(VERB, Outcome(data=answer), "name", UTF8) == names


def test_text_replaces_the_table_for_people_only() -> None:
    outcome = Outcome(data=ROWS, text="two")
    assert outcome_text(VERB, outcome, "table", UTF8) == "two\n"
    assert outcome_text(VERB, outcome, "jsonl", UTF8).startswith("{")


def test_text_keeps_its_colours_and_nothing_else_a_terminal_obeys() -> None:
    outcome = Outcome(data=None, text="\x1b[31mred\x1b[0m\x1b[2J \x1b]0;title\x07\tend\n\u202eback")
    assert outcome_text(VERB, outcome, "table", UTF8) == "\x1b[31mred\x1b[0m \tend\nback\n"


def test_a_stream_in_json_is_lines() -> None:
    assert row_text(VERB, ROWS[1], "json", UTF8) == '{"id":2,"name":"b","state":"done"}\n'
    assert row_text(VERB, ROWS[1], "name", UTF8) == "2\n"
    assert row_text(VERB, ROWS[1], "yaml", UTF8).startswith("---\n")


@given(st.recursive(st.none() | st.integers(-9, 9) | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_ascii_json_means_the_same(data: Any) -> None:
    text = data_text(data, "json", Terminal(ascii=True))
    assert text.isascii()
    assert json.loads(text) == data


def test_an_error_is_one_line_and_data() -> None:
    error = VerbError(ExitCode.NOT_FOUND, "no app\n\x1b[2J", suggestions=("a", "b", "c", "d"))
    assert error_text(error, UTF8) == "no app\\x0a\\x1b[2J (did you mean a, b or c?)\n"
    assert error_data(error).error.code == 5


@pytest.mark.parametrize(
    "code, text",
    [(1, "it failed (try: why 7; log 7)\n"), (2, "it failed (did you mean why 7 or log 7?)\n")],
)
def test_advice_is_a_guess_or_a_command(code: int, text: str) -> None:
    error = VerbError(ExitCode(code), "it failed", suggestions=("why 7", "log 7"))
    assert error_text(error, UTF8) == text


def test_faults_of_a_configuration_take_a_line_each() -> None:
    error = VerbError(ExitCode.BAD_CONFIG, "c.yaml:1:1: a\nc.yaml:2:1: b")
    assert error_text(error, UTF8).count("\n") == 2


@pytest.mark.parametrize("fmt", ["json", "jsonl", "yaml"])
@pytest.mark.parametrize("count", [0, 1, 100, 101, 1000, 1001, 2500])
def test_pieces_of_many_rows_are_the_text_of_all(fmt: Format, count: int) -> None:
    rows = [{"id": number, "text": "a\n]", "empty": []} for number in range(count)]
    pieces = list(data_pieces(rows, fmt, UTF8))
    assert "".join(pieces) == data_text(rows, fmt, UTF8)
    assert (len(pieces) > 1) is (count > (100 if fmt == "yaml" else 1000))


def test_one_object_is_one_piece() -> None:
    assert list(data_pieces({"a": 1}, "json", UTF8)) == ['{\n  "a": 1\n}\n']
