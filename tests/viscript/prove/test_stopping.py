"""Each trial of the end finds out what was left."""

import os
from pathlib import Path

import psutil
import pytest

from tests.support.prove import PlayedStage, row, said
from viscript.prove import stopping
from viscript.prove.asking import Said
from viscript.prove.verdict import BrokenPromise, expect


@pytest.fixture
def stage(tmp_path: Path) -> PlayedStage:
    stage = PlayedStage(tmp_path / "h")
    stage.written = b"up\n"
    return stage


def test_a_process_that_outlives_its_stop_is_named(
    stage: PlayedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "app_processes", lambda: [psutil.Process()])
    with pytest.raises(BrokenPromise, match=f"left 1 processes: pid {os.getpid()}") as caught:
        stopping.stop(stage)
    assert caught.value.figures["left"] == 1


def test_nothing_left_passes_with_its_figures(stage: PlayedStage) -> None:
    figures = stopping.stop(stage).figures
    assert figures["programs"] >= 8
    assert figures["left"] == 0


def test_a_zombie_is_found_out(stage: PlayedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.listed = [row(generation=20)]
    monkeypatch.setattr(stage, "keeper", psutil.Process)
    monkeypatch.setattr(stopping, "_zombies", lambda stage: [psutil.Process()])
    monkeypatch.setattr(stage, "until", lambda probe, what, within_s=0.0: expect(bool(probe()), what))
    with pytest.raises(BrokenPromise, match="no zombie is left"):
        stopping.zombies(stage)


def test_zombies_are_dead_children_of_daemon_and_keeper(
    stage: PlayedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "daemon", psutil.Process)
    monkeypatch.setattr(stage, "keeper", psutil.Process)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert {process.pid for process in stopping._zombies(stage)} >= {child}
    os.waitpid(child, 0)
    assert child not in {process.pid for process in stopping._zombies(stage)}


def test_an_app_that_is_not_on_the_bus_proves_nothing(stage: PlayedStage) -> None:
    stage.answers_to["s quiet -o json"] = said(row())
    stage.answers_to["ping 1 -o json"] = said({"kind": "process"})
    with pytest.raises(BrokenPromise, match="pinged by process"):
        stopping.pending_ping(stage)


def test_a_ping_slower_beside_stops_is_found_out(stage: PlayedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.listed = [row(1, name="nap", app="nap"), row(2, app="slow", state="ready"), row(3, state="ready")]
    times = iter([0.001] * stopping.LOOKS + [0.3] * stopping.LOOKS)
    monkeypatch.setattr(stopping, "_timed", lambda stage, *argv: next(times))
    monkeypatch.setattr(stage, "begin", lambda *argv: Played())
    with pytest.raises(BrokenPromise, match="a ping took 300 ms beside slow stops"):
        stopping.slow_stops(stage)


class Played:
    """A stop that succeeds."""

    def answer(self, within_s: float) -> Said:
        return Said(0, "", "")

    def __enter__(self) -> "Played":
        return self

    def __exit__(self, *exc: object) -> None:
        return None


def test_the_quantile_sees_the_slowest_of_a_hundred() -> None:
    assert stopping.quantile([0.001] * 98 + [1.0, 1.0]) == 1.0
    assert stopping.quantile([0.001] * 100) == 0.001
