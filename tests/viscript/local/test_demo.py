"""`demo` at the command line: what is printed, in which form, with which exit code."""

import json
import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.locally import client, run
from viscript.demo import show as module
from viscript.prove.verdict import BrokenPromise
from viscript.verbs.results import DemoLeft, DemoResult


def result(processes: int = 0) -> DemoResult:
    left = DemoLeft(processes=processes, ports=0, files=0)
    return DemoResult(
        visors=5, ready_seconds=4.0, message_seconds=0.1, hops=2, path=["ann", "ben", "cho"],
        heal_seconds=0.02, lost=0, doubled=0, left=left,
    )  # fmt: skip


Stay = Callable[[], None] | None


def replaced(monkeypatch: pytest.MonkeyPatch, answer: Callable[[Stay], DemoResult]) -> None:
    def show(environ: Mapping[str, str], tell: Callable[[str], None], stay: Stay, calm: object) -> DemoResult:
        tell("it goes on\n")
        return answer(stay)

    monkeypatch.setattr(module, "show", show)


def test_people_read_what_happens_and_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    replaced(monkeypatch, lambda stay: result())
    assert run(client(tmp_path), "demo", "--once") == 0
    out = capfd.readouterr().out
    assert out.startswith("it goes on\n")
    assert out.endswith("left behind: 0 processes, 0 ports, 0 files\n")


def test_json_is_the_result_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    replaced(monkeypatch, lambda stay: result())
    assert run(client(tmp_path), "demo", "--once", "-o", "json") == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["visors"], found["hops"]) == (5, 2)
    assert found["left"] == {"processes": 0, "ports": 0, "files": 0}


def test_something_left_behind_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, lambda stay: result(processes=1))
    assert run(client(tmp_path), "demo", "--once") == 1


def test_a_step_that_fails_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(stay: object) -> DemoResult:
        raise BrokenPromise("the link ann - ben is not up")

    replaced(monkeypatch, broken)
    assert run(client(tmp_path), "demo", "--once") == 1
    assert capfd.readouterr().err == "the demo failed: the link ann - ben is not up\n"


def test_without_once_it_stays_until_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stayed: list[bool] = []

    def staying(stay: Callable[[], None] | None) -> DemoResult:
        assert stay is not None
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(KeyboardInterrupt):
            stay()
        stayed.append(True)
        return result()

    replaced(monkeypatch, staying)
    assert run(client(tmp_path), "demo") == 0
    assert stayed == [True]
