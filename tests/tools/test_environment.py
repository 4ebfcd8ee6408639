from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tools import environment, machine
from tools.faults import BootError


class FakeMachine:
    """Makes folders instead of environments and writes down what it was asked to install."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = 0
        self.installed: list[str] = []
        self.environ: Mapping[str, str] = {}
        self.answer = (0, "")
        self.python_works = True
        monkeypatch.setattr(machine, "make_venv", self._make)
        monkeypatch.setattr(machine, "capture", self._capture)

    def _make(self, venv: Path, *, apt: bool) -> None:
        self.made += 1
        venv.mkdir()
        (venv / "pyvenv.cfg").touch()

    def _capture(self, argv: Sequence[str], environ: Mapping[str, str] | None = None) -> tuple[int, str]:
        if "install" not in argv:
            return (0 if self.python_works else 1), ""
        self.installed.append(Path(argv[-1]).name)
        self.environ = environ or {}
        return self.answer


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return FakeMachine(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout reduced to the files that decide whether .venv is current."""
    (tmp_path / "viscript").mkdir()
    for name in (*environment.LOCKS.values(), *environment.PROJECT_FILES):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_lock_comes_first_then_the_project(root: Path, fake: FakeMachine) -> None:
    python = environment.ensure(root, "runtime")
    assert python == root / ".venv" / "bin" / "python"
    assert fake.installed == ["requirements.lock", root.name]


def test_a_second_run_touches_nothing(root: Path, fake: FakeMachine) -> None:
    environment.ensure(root, "runtime")
    environment.ensure(root, "runtime")
    assert fake.made == 1
    assert len(fake.installed) == 2


def test_a_dev_environment_serves_the_runtime_too(root: Path, fake: FakeMachine) -> None:
    environment.ensure(root, "dev")
    assert environment.is_current(root, "runtime")


def test_a_runtime_environment_does_not_serve_the_tests(root: Path, fake: FakeMachine) -> None:
    environment.ensure(root, "runtime")
    environment.ensure(root, "dev")
    assert fake.made == 1
    assert fake.installed == ["requirements.lock", root.name, "requirements-dev.lock", root.name]


@pytest.mark.parametrize("name", ["requirements.lock", "setup.cfg", "viscript/__init__.py"])
def test_a_changed_file_is_installed_anew_in_the_same_environment(
    root: Path, fake: FakeMachine, name: str
) -> None:
    environment.ensure(root, "runtime")
    (root / name).write_text("changed")
    assert not environment.is_current(root, "runtime")
    environment.ensure(root, "runtime")
    assert fake.made == 1
    assert environment.is_current(root, "runtime")


def test_a_moved_checkout_gets_a_new_environment(root: Path, fake: FakeMachine) -> None:
    environment.ensure(root, "runtime")
    moved = root.rename(root.with_name("moved"))
    environment.ensure(moved, "runtime")
    assert fake.made == 2


def test_an_environment_whose_python_does_not_run_is_made_anew(root: Path, fake: FakeMachine) -> None:
    environment.ensure(root, "runtime")
    (root / "requirements.lock").write_text("changed")
    fake.python_works = False
    environment.ensure(root, "runtime")
    assert fake.made == 2


def test_a_failed_install_is_not_taken_for_done(root: Path, fake: FakeMachine) -> None:
    fake.answer = (1, "ERROR: No matching distribution found for psutil\n")
    with pytest.raises(BootError, match="no ready-made package"):
        environment.ensure(root, "runtime")
    assert not environment.is_current(root, "runtime")
    fake.answer = (0, "")
    environment.ensure(root, "runtime")
    assert fake.made == 1


def test_a_half_made_environment_is_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(venv: Path, *, apt: bool) -> None:
        (venv / "bin").mkdir(parents=True)
        raise BootError("no ensurepip")

    monkeypatch.setattr(machine, "make_venv", fail)
    with pytest.raises(BootError, match="no ensurepip"):
        environment.ensure(root, "runtime")
    assert not (root / ".venv").exists()


def test_a_folder_that_is_no_environment_is_left_alone(root: Path, fake: FakeMachine) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / "mine").touch()
    with pytest.raises(BootError, match="move it away"):
        environment.ensure(root, "runtime")
    assert (root / ".venv" / "mine").exists()


def test_pip_keeps_the_persons_index_but_not_the_persons_target(
    root: Path, fake: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("PIP_USER", "1")
    environment.ensure(root, "runtime")
    assert fake.environ["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert "PIP_USER" not in fake.environ
