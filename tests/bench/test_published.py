"""What a bench leaves."""

import json
from pathlib import Path

import pytest

from bench.apps.parts import METRICS
from bench.published import about, publish
from bench.results import OURS, Failure, Sample, rows


def test_a_run_says_on_what_it_ran() -> None:
    assert about(3)["rounds"] == 3


def test_the_table_is_printed_and_all_of_it_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = [Sample("socks_mb_per_s", 0, OURS, 5.0)]
    failures = [Failure(OURS, 0, "socks-get", "it rained")]
    out = tmp_path / "deep" / "x.json"
    publish(rows(samples, METRICS), samples, failures, 1, out)
    assert "SOCKS download" in capsys.readouterr().out
    assert "it rained" in json.dumps(json.loads(out.read_text()))
