"""The table and the JSON."""

import json

from bench.report import document, markdown
from bench.results import Failure, Sample, rows

SAMPLES = [
    Sample("status_ms", 1000, "viscript", 4.0),
    Sample("status_ms", 1000, "pm2", 78.0),
    Sample("ping_us", 1000, "pm2", 100.0),
]
FAILURES = [Failure("s6", 0, "all", "not prepared")]


def test_the_table_shows_ours_the_best_peer_the_ratio_and_the_bound() -> None:
    text = markdown(rows(SAMPLES), FAILURES, {"date": "today"})
    assert "| status of all | 1000 | ms | 4 | 78 (pm2) | 19.5 | - | <= 2.5: MISSED |" in text


def test_a_figure_only_a_peer_has_is_shown_with_a_dash_for_ours() -> None:
    text = markdown(rows(SAMPLES), [], {})
    assert "| ping of the control channel, p50 | 1000 | us | - | 100 (pm2) | - | - |  |" in text


def test_a_peer_that_is_absent_is_a_line() -> None:
    assert "* s6, n=0, all: not prepared" in markdown([], FAILURES, {})


def test_what_is_missed_stands_at_the_end() -> None:
    text = markdown(rows(SAMPLES), [], {})
    assert text.endswith("Missed:\n\n* status of all (n=1000): 4 ms, bound <= 2.5\n")
    assert markdown([], [], {}).endswith("No bound is missed.\n")


def test_every_line_of_a_table_has_as_many_cells() -> None:
    for block in markdown(rows(SAMPLES), [], {"date": "today"}).split("\n\n"):
        assert len({line.count("|") for line in block.splitlines() if line.startswith("|")}) <= 1


def test_the_document_is_json_with_every_sample() -> None:
    told = json.loads(json.dumps(document(rows(SAMPLES), SAMPLES, FAILURES, {"date": "today"})))
    assert [figure["figure"] for figure in told["figures"]] == ["ping_us", "status_ms"]
    assert told["figures"][1]["bounds"] == [{"bound": "<= 2.5", "kept": False}]
    assert len(told["samples"]) == 3
    assert told["failures"][0]["why"] == "not prepared"
