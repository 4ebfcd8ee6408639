"""Each trial of survival finds out an app that is lost or doubled, and a daemon that comes back late."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.prove import PlayedStage, row
from viscript.prove import survival
from viscript.prove.asking import Said
from viscript.prove.verdict import BrokenPromise


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlayedStage:
    """A home in which kills change nothing and output goes on."""
    stage = PlayedStage(tmp_path / "h")
    stage.listed = [row(1, name="writer"), row(2), row(3)]
    monkeypatch.setattr(survival, "_goes_on", lambda stage: None)
    monkeypatch.setattr(survival, "_kill", lambda stage, victims, then: 0.1)
    monkeypatch.setattr(stage, "daemon", psutil.Process)
    monkeypatch.setattr(stage, "keeper", psutil.Process)
    monkeypatch.setattr(stage, "app_processes", lambda: [psutil.Process()] * 3)
    stage.written = b"00000000\n00000001\n"
    return stage


def test_nothing_lost_passes_with_its_figures(stage: PlayedStage) -> None:
    proof = survival.kill_keeper(stage)
    assert proof.figures == {"kills": 1, "apps": 3, "lines": 2, "median_seconds": 0.1, "longest_seconds": 0.1}


def test_a_missing_line_is_found_out(stage: PlayedStage) -> None:
    stage.written = b"00000000\n00000002\n"
    with pytest.raises(BrokenPromise, match="line 1 of 2 reads b'00000002'"):
        survival.kill_keeper(stage)


def test_another_pid_is_found_out(stage: PlayedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(stage: PlayedStage, victims: list[psutil.Process], then: Callable[[], None] | None) -> float:
        stage.listed = [row(1, name="writer"), row(2, pid=777), row(3)]
        return 0.1

    monkeypatch.setattr(survival, "_kill", kill)
    with pytest.raises(BrokenPromise, match=r"\[2\] 102 -> 777"):
        survival.kill_both(stage)


def test_a_second_copy_is_found_out(stage: PlayedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "app_processes", lambda: [psutil.Process()] * 4)
    with pytest.raises(BrokenPromise, match="4 processes of 3 apps"):
        survival.kill_both(stage)


def test_a_daemon_that_comes_back_late_is_found_out(
    stage: PlayedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survival, "_kill", lambda stage, victims, then: 2.5)
    with pytest.raises(BrokenPromise, match=r"back after 2.5 s, not 2"):
        survival.kill_keeper(stage)


@pytest.mark.parametrize(
    "said, gone, sentence",
    [
        (Said(0, "", ""), False, "says that it stopped an app"),
        (Said(1, "", ""), True, "was obeyed: 1 processes are gone"),
    ],
)
def test_a_thawed_daemon_that_is_obeyed_is_found_out(
    stage: PlayedStage, monkeypatch: pytest.MonkeyPatch, said: Said, gone: bool, sentence: str
) -> None:
    monkeypatch.setattr(stage, "command", lambda *argv: said)
    monkeypatch.setattr(psutil, "pid_exists", lambda pid: not gone)
    with pytest.raises(BrokenPromise, match=sentence):
        survival._order_of_the_old(stage, {1: 101})


def test_a_command_that_hides_the_silence_is_found_out(
    stage: PlayedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "command", lambda *argv: Said(4, "", ""))
    with pytest.raises(BrokenPromise, match="ended with 4, not 8"):
        survival._silence(stage)


def test_a_keeper_that_is_away_cannot_be_taken_over(stage: PlayedStage) -> None:
    with pytest.raises(BrokenPromise, match="refused a newer daemon: no keeper answers"):
        survival._supersede(stage)
