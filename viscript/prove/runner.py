"""Runs trials one after the other, each on a stage of its own, and gives a row for each."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from viscript.prove import strays
from viscript.prove.catalogue import Trial
from viscript.prove.stage import Stage
from viscript.prove.verdict import BrokenPromise, Figures, NotTried, Pace, Status
from viscript.verbs.results import TrialRow

Verdict = tuple[Status, str, Figures]


def run(
    trials: Iterable[Trial], pace: Pace, environ: Mapping[str, str], stage: type[Stage] = Stage
) -> Iterator[TrialRow]:
    """A row for each trial as soon as it has ended; by then its scratch home is gone."""
    for trial in trials:
        yield try_one(trial, pace, environ, stage)


def try_one(trial: Trial, pace: Pace, environ: Mapping[str, str], kind: type[Stage] = Stage) -> TrialRow:
    """Run one trial in a scratch home. `kind` may be a stage that deceives, to see that it is found out."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prove-", ignore_cleanup_errors=True) as folder:
        stage = kind(Path(os.path.realpath(folder), "home"), pace, trial.limit_s, environ)
        try:
            status, text, figures = _verdict(trial, stage)
        finally:
            stage.close()
    seconds = time.monotonic() - begin
    return TrialRow(trial=trial.name, status=status, seconds=seconds, figures=figures, text=text)


def _verdict(trial: Trial, stage: Stage) -> Verdict:
    try:
        proof = trial.run(stage)
        _leave(stage)
    except BrokenPromise as broken:
        return "fail", broken.text, broken.figures
    except NotTried as missing:
        return "not tried", missing.text, {}
    except Exception as exc:  # noqa: BLE001 (the edge of a trial: a process that is gone, a file that is missing: something did not hold)
        return "fail", f"the trial could not go on: {type(exc).__name__}: {exc}", {}
    return "pass", proof.text, proof.figures


def _leave(stage: Stage) -> None:
    """Every trial ends like this: the daemon is stopped with all its apps, and nothing is left."""
    stage.done("daemon", "stop", "--stop-all")
    try:
        stage.until(lambda: not stage.processes(), "nothing runs any more")
    except BrokenPromise as broken:
        raise BrokenPromise(f"{broken.text}; left are {strays.described(stage.processes())}") from broken
