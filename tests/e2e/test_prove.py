"""`viscript prove` on this machine for real; and stages that deceive, to see that the trials find out."""

import json
import os
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.support.home import ScratchHome
from viscript.prove.catalogue import BY_NAME, TRIALS
from viscript.prove.runner import try_one
from viscript.prove.stage import Stage
from viscript.prove.strays import processes_of
from viscript.prove.verdict import QUICK


@pytest.fixture
def temporary(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the scratch homes are made; what is left there is left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(short_tmp))
    return short_tmp


@pytest.mark.timeout(400)
def test_every_promise_holds_here_and_nothing_is_left(scratch_home: ScratchHome, short_tmp: Path) -> None:
    folder = short_tmp / "t"
    folder.mkdir()
    answer = scratch_home.viscript("prove", "--quick", "-o", "json", env={"TMPDIR": str(folder)}, timeout=390)
    rows = answer.json()
    assert [row["trial"] for row in rows] == [trial.name for trial in TRIALS]
    assert [row for row in rows if row["status"] == "fail"] == []
    assert answer.code == 0
    assert all(row["figures"] for row in rows if row["status"] == "pass")
    assert list(folder.iterdir()) == []
    assert processes_of(str(folder)) == []


class LosesALine(Stage):
    """Shows what an app wrote, less one line."""

    def output(self, name: str) -> bytes:
        lines = super().output(name).splitlines(keepends=True)
        return b"".join(lines[:1000] + lines[1001:])


class DoublesALine(Stage):
    """Shows one line in place of its neighbour."""

    def output(self, name: str) -> bytes:
        lines = super().output(name).splitlines(keepends=True)
        return b"".join([*lines[:1000], *lines[999:1000], *lines[1001:]])


class LeavesOne(Stage):
    """Shows a process that the stop did not end."""

    def app_processes(self) -> list[psutil.Process]:
        return super().app_processes() or [psutil.Process()]


@pytest.mark.parametrize(
    "trial, deceiver, found",
    [
        ("rotation", DoublesALine, "line 1000 of 20000 reads b'00000999'"),
        ("kill-keeper", LosesALine, "line 1000 of "),
        ("stop", LeavesOne, f"left 1 processes: pid {os.getpid()}"),
    ],
    ids=["doubled line", "lost line", "process left"],
)
def test_a_deceiver_is_found_out(trial: str, deceiver: type[Stage], found: str, temporary: Path) -> None:
    row = try_one(BY_NAME[trial], QUICK, os.environ, deceiver)
    assert row.status == "fail"
    assert found in row.text
    assert list(temporary.iterdir()) == []
    assert processes_of(str(temporary)) == []


def test_a_failure_is_exit_1_and_says_what_was_seen(scratch_home: ScratchHome, short_tmp: Path) -> None:
    """Here `sleep`, which the trial starts, is nowhere to be found."""
    env = {"PATH": str(short_tmp), "TMPDIR": str(short_tmp)}
    answer = scratch_home.viscript("prove", "--quick", "slow-stops", "-o", "jsonl", env=env, timeout=60)
    assert answer.code == 1
    row = json.loads(answer.out)
    assert row["status"] == "fail"
    assert "sleep" in row["text"]
