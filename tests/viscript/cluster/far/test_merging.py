import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.far_hosts import state
from tests.support.verbs import SCREEN
from viscript.cluster.far.asking import Heard
from viscript.cluster.far.merging import data_of, form_of, merged, note, row_type, rows_of
from viscript.errors import ExitCode
from viscript.supervisor.api import Usage
from viscript.verbs.core import builtin
from viscript.verbs.results import LogRow, StartRow
from viscript.verbs.table import Outcome, Verb

TABLE = builtin()
USAGE = {"id": 7, "name": "web", "cpu_percent": 1.5, "rss_bytes": 1048576}


def verb(name: str) -> Verb:
    found = TABLE.get(name)
    assert found is not None
    return found


def heard(label: str, data: Any = None, **facts: Any) -> Heard:
    given: dict[str, Any] = {"status": "ok", "code": 0, "out": "" if data is None else json.dumps(data)}
    return Heard(host=state(label), **(given | facts))


def away(label: str, **facts: Any) -> Heard:
    given = {"status": "unreachable", "code": 4, "err": f"{label} is away: it is down\n", "age_seconds": 21.0}
    return heard(label, **(given | facts))


def together(name: str, *answers: Heard, form: Any = "table") -> Outcome:
    return merged(verb(name), answers, form, replace(SCREEN, columns=200))


def test_rows_of_hosts_are_one_list_with_their_host() -> None:
    outcome = together("ru", heard("m1", [USAGE]), heard("m2", [USAGE, USAGE]), form="json")
    assert outcome.code == 0
    assert [row["host"] for row in outcome.data] == ["m1", "m2", "m2"]  # type: ignore[attr-defined]  # rows


def test_one_table_shows_ids_with_their_host() -> None:
    outcome = together("ru", heard("m1", [USAGE]), heard("m2", [USAGE]))
    lines = (outcome.text or "").splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "m1/7", "m2/7"]


def test_rows_without_an_id_have_their_host_in_front() -> None:
    words: dict[str, list[str]] = {"argv": [], "default_args": []}
    row = {"name": "web", "source": "x", "daemon": True, "desc": "", "running": 0, **words}
    lines = (together("apps", heard("m2", [row])).text or "").splitlines()
    assert lines[0].split()[:2] == ["HOST", "NAME"]
    assert lines[1].split()[:2] == ["m2", "web"]


def test_who_did_not_answer_is_a_row_of_data_and_a_line_for_people() -> None:
    answers = (heard("m1", [USAGE]), away("m2"))
    outcome = together("ru", *answers, form="json")
    assert outcome.code == ExitCode.FAILED
    assert outcome.data[1] == {  # type: ignore[index]  # rows
        "host": "m2",
        "status": "unreachable",
        "code": 4,
        "age_seconds": 21.0,
        "error": "m2 is away: it is down",
    }
    assert together("ru", *answers).notes == ("m2 is away: it is down",)


def test_an_error_is_no_row_but_rows_beside_a_code_are() -> None:
    error = {"error": {"code": 5, "text": "no app", "detail": "", "suggestions": []}}
    failed = heard("m2", error, status="failed", code=5, err="no app\n")
    unwell = heard("m3", [USAGE], status="failed", code=3)
    assert rows_of(failed) == []
    outcome = together("ru", failed, unwell, form="json")
    assert [(row["host"], row.get("code")) for row in outcome.data] == [  # type: ignore[attr-defined]  # rows
        ("m3", None),
        ("m2", 5),
    ]
    assert together("ru", failed, unwell).notes == ("m2: no app", "m3: exit 3")


def test_an_old_answer_says_how_old_it_is() -> None:
    old = away("m2", out=json.dumps([USAGE]), status="stale", age_seconds=42.0)
    rows: Any = together("ru", old, form="json").data
    (row,) = rows
    assert (row["status"], row["age_seconds"]) == ("stale", 42.0)
    shown = together("ru", old)
    assert "AGE" in (shown.text or "").splitlines()[0]
    assert "42s" in (shown.text or "")
    assert shown.notes == ("m2 is away: it is down; shown is its answer of 42s ago",)


def test_logs_are_put_in_the_order_of_their_times() -> None:
    def line(time: float, text: str) -> dict[str, Any]:
        return {"id": 7, "name": "web", "stream": "out", "time": time, "text": text}

    answers = (heard("m1", [line(1.0, "a"), line(3.0, "c")]), heard("m2", [line(2.0, "b")]))
    outcome = together("log", *answers)
    assert outcome.text == "[m1/7] web | a\n[m2/7] web | b\n[m1/7] web | c\n"
    assert [row["text"] for row in together("log", *answers, form="json").data] == ["a", "b", "c"]  # type: ignore[attr-defined]  # rows


def test_text_that_says_whose_it_is_needs_no_head() -> None:
    outcome = together(
        "sd", heard("m1", out="[m1/7] web is gone\n"), heard("m2", out="stopping\n"), form="name"
    )
    assert outcome.text == "[m1/7] web is gone\nm2:\nstopping\n"


def test_rows_of_another_version_are_left_out_of_a_table_and_kept_as_data() -> None:
    odd = heard("m2", [{"id": "seven"}])
    assert "seven" not in (together("ru", odd).text or "")
    assert together("ru", odd, form="json").data == [{"id": "seven", "host": "m2"}]


@pytest.mark.parametrize("out", ["", "nonsense", "[[1]]", "7", '"x"'])
def test_what_is_no_list_of_rows_has_none(out: str) -> None:
    assert rows_of(heard("m2", out=out)) == []


def test_data_is_what_was_answered() -> None:
    assert data_of(heard("m2", [1])) == [1]
    assert data_of(heard("m2", out="{")) is None


def test_the_type_of_a_row_is_found_in_the_type_of_the_answer() -> None:
    assert row_type(list[LogRow]) is LogRow
    assert row_type(StartRow | list[StartRow]) is StartRow
    assert row_type(verb("ru").result) is Usage
    assert row_type(Any) is None
    assert row_type(None) is None


def test_hosts_are_asked_in_a_form_that_can_be_put_together() -> None:
    assert form_of(verb("la"), "table") == "json"
    assert form_of(verb("log"), "wide") == "json"
    assert form_of(verb("whoami"), "table") == "table"
    assert form_of(verb("la"), "name") == "name"
    assert form_of(verb("whoami"), "yaml") == "json"


def test_a_failure_without_words_is_told_by_its_code() -> None:
    assert note(heard("m2", status="failed", code=3)) == "m2: exit 3"
