"""What `plugins new` writes passes its own tests and lint at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from viscript.errors import ExitCode, VerbError
from viscript.pluginhost import scaffold

ROOT = Path(__file__).resolve().parents[3]


def write(folder: Path, name: str) -> Path:
    for path, text in scaffold.scaffold(name).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder / name


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["greeter", "my-first-app"])
def test_a_new_plugin_passes_its_tests_and_lint_at_once(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, name)
    tests = run(folder, "pytest", "-q")
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "2 passed" in tests.stdout
    lint = run(folder, "ruff", "check", "--no-cache", ".")
    assert lint.returncode == 0, lint.stdout
    form = run(folder, "ruff", "format", "--no-cache", "--check", ".")
    assert form.returncode == 0, form.stdout + form.stderr


@pytest.mark.parametrize(
    "name", ["", "7", "Upper", "a b", "../up", "-x", "x-", "_x", "test_x", "json", "class", "viscript"]
)
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(VerbError) as caught:
        scaffold.scaffold(name)
    assert caught.value.code == ExitCode.USAGE
