import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tools import checks, environment, machine
from tools.faults import BootError


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a Node lock, on a machine with npm."""
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "node_modules").mkdir()
    return tmp_path


def test_pytest_comes_last_and_takes_the_arguments() -> None:
    steps = checks.steps("bin/python", ["-k", "boot"])
    assert list(steps) == ["ruff check", "ruff format", "mypy", "lint-imports", "pytest"]
    assert steps["pytest"][-2:] == ["-k", "boot"]


def test_every_check_runs_though_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def fails(_root: Path, name: str, _argv: Sequence[str]) -> bool:
        ran.append(name)
        return name == "mypy"

    monkeypatch.setenv("CI", "")
    monkeypatch.setattr(environment, "ensure", lambda *_args, **_options: Path("python"))
    monkeypatch.setattr(checks, "_fails", fails)
    assert checks.run(tmp_path, []) == 1
    assert ran == list(checks.steps("python", []))
    assert capsys.readouterr().err == "boot: failed: mypy\n"


def note_failures(root: Path, tests: Sequence[str]) -> None:
    """What pytest writes after a run in which these failed."""
    folder = root / ".pytest_cache" / "boot" / "v" / "cache"
    folder.mkdir(parents=True)
    (folder / "lastfailed").write_text(json.dumps(dict.fromkeys(tests, True)))


@pytest.mark.parametrize(
    "tests, fails_again, code",
    [
        (["tests/a.py::one"], False, 0),
        (["tests/a.py::one"], True, 1),
        ([f"tests/a.py::number[{index}]" for index in range(6)], False, 1),
        ([], False, 1),  # pytest itself failed
    ],
)
def test_a_few_failures_are_looked_at_again_alone(
    tests: list[str], fails_again: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Sequence[str]] = []

    def fails(_root: Path, name: str, argv: Sequence[str]) -> bool:
        if name.startswith("pytest,"):
            ran.append(argv)
            return fails_again
        return name == "pytest"

    note_failures(tmp_path, tests)
    monkeypatch.setenv("CI", "")
    monkeypatch.setattr(environment, "ensure", lambda *_args, **_options: Path("python"))
    monkeypatch.setattr(checks, "_fails", fails)
    assert checks.run(tmp_path, []) == code
    assert [list(argv[4:]) for argv in ran] == ([tests] if 0 < len(tests) <= 5 else [])


def test_what_is_unsteady_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    note_failures(tmp_path, ["tests/a.py::one"])
    monkeypatch.setenv("CI", "")
    monkeypatch.setattr(environment, "ensure", lambda *_args, **_options: Path("python"))
    monkeypatch.setattr(checks, "_fails", lambda _root, name, _argv: name == "pytest")
    assert checks.run(tmp_path, []) == 0
    assert capsys.readouterr().err == "boot: unsteady: tests/a.py::one\n"


def test_only_ci_installs_debian_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[list[str]] = []
    monkeypatch.setattr(environment, "ensure", lambda *_args, **_options: Path("python"))
    monkeypatch.setattr(machine, "can_apt", lambda: True)
    monkeypatch.setattr(machine, "missing_packages", lambda: ["tmux"])
    monkeypatch.setattr(machine, "apt_install", installed.append)
    monkeypatch.setattr(checks, "_fails", lambda *_args: False)
    monkeypatch.setenv("CI", "")
    assert checks.run(tmp_path, []) == 0
    assert not installed
    monkeypatch.setenv("CI", "true")
    assert checks.run(tmp_path, []) == 0
    assert installed == [["tmux"]]


def test_node_packages_are_installed_once_for_a_lock(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Sequence[str]] = []

    def note(argv: Sequence[str], _environ: Mapping[str, str] | None = None) -> tuple[int, str]:
        ran.append(argv)
        return 0, ""

    monkeypatch.setattr(machine, "capture", note)
    checks.install_node_packages(node)
    checks.install_node_packages(node)
    assert len(ran) == 1
    (node / "package-lock.json").write_text("{ }")
    checks.install_node_packages(node)
    assert len(ran) == 2


def test_a_failing_npm_is_one_sentence(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "capture", lambda _argv: (1, "npm error code E404\nmore\n"))
    with pytest.raises(BootError, match="npm ci failed: npm error code E404"):
        checks.install_node_packages(node)


def test_a_machine_without_npm_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    checks.install_node_packages(tmp_path)
    assert not (tmp_path / "node_modules").exists()


def test_the_node_lock_names_no_registry() -> None:
    lock = Path(__file__).resolve().parents[1] / "node" / "package-lock.json"
    assert '"resolved"' not in lock.read_text()
    assert '"integrity": "sha512-' in lock.read_text()
