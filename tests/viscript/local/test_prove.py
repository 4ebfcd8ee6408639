"""`prove` at the command line: which trials, in which form, with which exit code."""

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.locally import client, run
from viscript.prove import runner
from viscript.prove.catalogue import Trial
from viscript.prove.verdict import FULL, QUICK, Pace, Status
from viscript.verbs.results import TrialRow


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Pace]]:
    """Which trials were run at which pace; `stop` fails, `fill` cannot be tried."""
    seen: list[tuple[str, Pace]] = []
    ends: dict[str, Status] = {"stop": "fail", "fill": "not tried"}

    def try_one(trial: Trial, pace: Pace, environ: Mapping[str, str]) -> TrialRow:
        seen.append((trial.name, pace))
        status = ends.get(trial.name, "pass")
        return TrialRow(trial=trial.name, status=status, seconds=1.5, figures={"left": 2.0}, text="as it was")

    monkeypatch.setattr(runner, "try_one", try_one)
    return seen


def test_all_trials_run_and_each_is_a_line(
    tmp_path: Path, tried: list[tuple[str, Pace]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(client(tmp_path), "prove") == 1
    lines = capfd.readouterr().out.splitlines()
    assert [pace for _, pace in tried] == [FULL] * len(tried)
    assert len(lines) == len(tried) + 1
    assert lines[0].split() == ["PASS", "started", "1.5s", "as", "it", "was"]
    assert lines[-1] == f"{len(tried) - 2} passed, 1 failed, 1 not tried"


def test_named_trials_only_and_quickly(
    tmp_path: Path, tried: list[tuple[str, Pace]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(client(tmp_path), "prove", "--quick", "cut", "started") == 0
    assert tried == [("cut", QUICK), ("started", QUICK)]


def test_what_was_not_tried_is_neither_a_pass_nor_a_failure(
    tmp_path: Path, tried: list[tuple[str, Pace]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(client(tmp_path), "prove", "fill") == 0
    assert capfd.readouterr().out.splitlines()[-1] == "0 passed, 0 failed, 1 not tried"


def test_json_is_one_list_with_the_figures(
    tmp_path: Path, tried: list[tuple[str, Pace]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(client(tmp_path), "prove", "stop", "fill", "-o", "json") == 1
    rows = json.loads(capfd.readouterr().out)
    assert [row["status"] for row in rows] == ["fail", "not tried"]
    assert set(rows[0]) == {"trial", "status", "seconds", "figures", "text"}


@pytest.mark.parametrize("fmt", ["jsonl", "name"])
def test_other_forms_are_a_row_each_and_no_sum(
    tmp_path: Path, tried: list[tuple[str, Pace]], capfd: pytest.CaptureFixture[str], fmt: str
) -> None:
    assert run(client(tmp_path), "prove", "cut", "-o", fmt) == 0
    assert len(capfd.readouterr().out.splitlines()) == 1


def test_an_unknown_trial_is_a_usage_error(
    tmp_path: Path, tried: list[tuple[str, Pace]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(client(tmp_path), "prove", "kill-bth") == 2
    assert "kill-both" in capfd.readouterr().err
    assert tried == []


def test_a_signal_ends_the_trials_gently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def try_one(trial: Trial, pace: Pace, environ: Mapping[str, str]) -> TrialRow:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("not interrupted")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(runner, "try_one", try_one)
    with pytest.raises(KeyboardInterrupt):
        run(client(tmp_path), "prove", "cut")
    assert signal.getsignal(signal.SIGTERM) is before
