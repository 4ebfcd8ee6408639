"""Whatever a trial does, it gives a row and its home is gone."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.prove import SMALL, PlayedStage
from viscript.prove import runner
from viscript.prove.catalogue import Trial
from viscript.prove.stage import Stage
from viscript.prove.verdict import BrokenPromise, NotTried, Pace, Proof
from viscript.verbs.results import TrialRow


class Played(PlayedStage):
    """A stage as the runner makes it."""

    def __init__(self, root: Path, pace: Pace, limit_s: float, environ: Mapping[str, str]) -> None:
        super().__init__(root)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def tried(run: Callable[[Stage], Proof]) -> TrialRow:
    return runner.try_one(Trial("x", run, 5), SMALL, {}, Played)


def held(stage: Stage) -> Proof:
    stage.open({})
    return Proof("it held", {"left": 0})


def broken(stage: Stage) -> Proof:
    raise BrokenPromise("one is left", left=1)


def missing(stage: Stage) -> Proof:
    raise NotTried("needs root")


def faulty(stage: Stage) -> Proof:
    raise FileNotFoundError("tally")


@pytest.mark.parametrize(
    "run, status, text, figures",
    [
        (held, "pass", "it held", {"left": 0}),
        (broken, "fail", "one is left", {"left": 1}),
        (missing, "not tried", "needs root", {}),
        (faulty, "fail", "the trial could not go on: FileNotFoundError: tally", {}),
    ],
)
def test_a_row_says_how_it_ended(
    run: Callable[[Stage], Proof], status: str, text: str, figures: dict[str, float]
) -> None:
    row = tried(run)
    assert (row.trial, row.status, row.text, row.figures) == ("x", status, text, figures)


@pytest.mark.parametrize("run", [held, broken, missing, faulty])
def test_the_home_is_gone_afterwards(run: Callable[[Stage], Proof], temporary: Path) -> None:
    tried(run)
    assert list(temporary.iterdir()) == []


def test_an_interrupt_removes_the_home_too(temporary: Path) -> None:
    def interrupted(stage: Stage) -> Proof:
        stage.open({})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tried(interrupted)
    assert list(temporary.iterdir()) == []


def test_what_runs_on_after_the_daemon_was_stopped_fails_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Played, "processes", lambda self: [])
    monkeypatch.setattr(Played, "until", lambda self, probe, what: (_ for _ in ()).throw(BrokenPromise(what)))
    assert tried(held).status == "fail"


def test_rows_come_one_by_one() -> None:
    rows = runner.run([Trial("a", held, 5), Trial("b", broken, 5)], SMALL, {}, Played)
    assert next(rows).trial == "a"
    assert [row.trial for row in rows] == ["b"]
