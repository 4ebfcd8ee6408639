"""Into the project's environment."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench import entering
from tools import environment
from tools.faults import BootError


@pytest.fixture
def gone_over(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines this process would have become."""
    seen: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, argv: seen.append(argv))
    return seen


@pytest.mark.parametrize(
    "words, kind", [(["apps", "--quick"], "dev"), (["mesh"], "runtime"), ([], "runtime")]
)
def test_another_python_goes_over_with_what_the_bench_needs(
    words: list[str], kind: str, tmp_path: Path, gone_over: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / ".venv/bin/python"
    ensure = Mock(return_value=python)
    monkeypatch.setattr(environment, "ensure", ensure)
    entering.enter(words, tmp_path)
    assert gone_over == [[str(python), "-P", "-m", "bench", *words]]
    ensure.assert_called_once_with(tmp_path, kind)


def test_the_right_python_stays(
    tmp_path: Path, gone_over: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(environment, "is_current", lambda root, kind: True)
    assert entering.enter(["apps"], tmp_path) == ""
    assert gone_over == []


def test_the_right_python_gets_what_is_missing_and_stays(
    tmp_path: Path, gone_over: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure = Mock()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(environment, "is_current", lambda root, kind: False)
    monkeypatch.setattr(environment, "ensure", ensure)
    assert entering.enter(["apps"], tmp_path) == ""
    ensure.assert_called_once_with(tmp_path, "dev")
    assert gone_over == []


def test_an_environment_that_cannot_be_made_is_told(
    tmp_path: Path, gone_over: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(root: Path, kind: str) -> Path:
        raise BootError("the disk is full")

    monkeypatch.setattr(environment, "ensure", fails)
    assert entering.enter([], tmp_path) == "the disk is full"
    assert gone_over == []


def test_going_over_needs_nothing_but_the_standard_library() -> None:
    isolated = f"import sys; sys.path.insert(0, {str(entering.ROOT)!r}); import bench.entering"
    subprocess.run([sys.executable, "-I", "-S", "-c", isolated], check=True, timeout=60)
