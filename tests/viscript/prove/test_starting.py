"""Each trial of the start finds out a daemon that lies."""

import os
from pathlib import Path

import pytest

from tests.support.prove import PlayedStage, event, row, said
from viscript.prove import starting
from viscript.prove.asking import Said
from viscript.prove.verdict import BrokenPromise


@pytest.fixture
def stage(tmp_path: Path) -> PlayedStage:
    return PlayedStage(tmp_path / "h")


def test_a_start_that_lies_is_found_out(stage: PlayedStage) -> None:
    stage.answers_to["s web -o json"] = said(row())
    with pytest.raises(BrokenPromise, match="ended with 0, not 1"):
        starting.started(stage)


def test_a_refusal_without_the_holder_is_found_out(stage: PlayedStage) -> None:
    stage.answers_to["s web -o json"] = said(row())
    stage.answers_to["s web"] = Said(1, "", "web ended: exit status 1")
    with pytest.raises(BrokenPromise, match=r'"port .*" is missing'):
        starting.started(stage)


def test_why_must_name_the_same_holder(stage: PlayedStage) -> None:
    stage.listed = [row(1), row(2)]
    stage.answers_to["s web"] = Said(1, "", f"port 80 is held by pid {os.getpid()}")
    conflict = {"kind": "port", "port": 80, "pid": 1, "id": None}
    stage.answers_to["why 2 -o json"] = said({"cause": "port-conflict", "conflict": conflict})
    with pytest.raises(BrokenPromise, match="why says"):
        starting._refused(stage, 80, os.getpid(), None)
    conflict["pid"] = os.getpid()
    stage.answers_to["why 2 -o json"] = said({"cause": "port-conflict", "conflict": conflict})
    starting._refused(stage, 80, os.getpid(), None)


def test_a_crash_loop_shown_running_is_found_out(stage: PlayedStage) -> None:
    stage.listed = [row(1, state="backoff", retry_seconds=1.0, restarts=5), row(2, state="running")]
    with pytest.raises(BrokenPromise, match="a2 was shown running in look 0"):
        starting.crash_loop(stage)


def test_a_pause_without_countdown_is_found_out(stage: PlayedStage) -> None:
    stage.listed = [row(1, state="backoff")]
    with pytest.raises(BrokenPromise, match="shows no countdown"):
        starting.crash_loop(stage)


def test_a_loop_that_does_not_loop_proves_nothing(stage: PlayedStage) -> None:
    stage.listed = [row(1, state="starting", restarts=1)]
    with pytest.raises(BrokenPromise, match="restarted"):
        starting.crash_loop(stage)


def pauses(*seconds: float) -> list[dict[str, object]]:
    told, now = [], 0.0
    for pause in seconds:
        told.append(event("app.exited", now))
        now += pause
        told.append(event("app.starting", now))
        now += 0.01
    return told


@pytest.mark.parametrize("wrong", [(0.1, 0.1, 0.4), (0.05, 0.2, 0.4), (0.1, 0.2, 3.0)])
def test_pauses_that_do_not_double_are_found_out(stage: PlayedStage, wrong: tuple[float, ...]) -> None:
    stage.listed = [row(restarts=6)]
    stage.told = pauses(*wrong)
    with pytest.raises(BrokenPromise, match="the pauses were"):
        starting.backoff(stage)


def test_pauses_that_double_up_to_the_cap_pass(stage: PlayedStage) -> None:
    stage.listed = [row(restarts=6)]
    stage.told = pauses(0.1, 0.21, 0.4, 0.42, 0.41, 0.4)
    stage.answers_to["sd 1 -o json"] = said([{"seconds": 0.1}])
    assert starting.backoff(stage).figures["longest_seconds"] == pytest.approx(0.42)


def dependents(stage: PlayedStage, ready: float, gone: float) -> None:
    stage.listed = [row(1, name="base"), row(2, name="upper")]
    stage.told = [
        event("app.ready", ready, 1),
        event("app.starting", 5.0, 2),
        event("app.stopped", gone, 2),
        event("app.stopping", 9.0, 1),
    ]


def test_a_dependent_that_does_not_wait_is_found_out(stage: PlayedStage) -> None:
    dependents(stage, ready=6.0, gone=8.0)
    with pytest.raises(BrokenPromise, match="before what it needs was ready"):
        starting.dependencies(stage)


def test_a_stop_in_the_wrong_order_is_found_out(stage: PlayedStage) -> None:
    dependents(stage, ready=4.0, gone=9.5)
    with pytest.raises(BrokenPromise, match="before its dependent was gone"):
        starting.dependencies(stage)


def test_the_right_order_passes(stage: PlayedStage) -> None:
    dependents(stage, ready=4.0, gone=8.0)
    assert starting.dependencies(stage).text
