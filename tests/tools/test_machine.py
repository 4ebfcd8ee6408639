import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tools import machine
from tools.faults import BootError


class Modules:
    """Which modules the Python of the test pretends to have, and what it was told to run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *present: str) -> None:
        self.present = set(present)
        self.ran: list[list[str]] = []
        self.environ: Mapping[str, str] | None = None
        self.answer = (0, "")
        monkeypatch.setattr(machine, "has", lambda name: name in self.present)
        monkeypatch.setattr(machine, "capture", self._capture)

    def _capture(self, argv: Sequence[str], environ: Mapping[str, str] | None = None) -> tuple[int, str]:
        self.ran.append(list(argv))
        self.environ = environ
        return self.answer


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine of an administrator, with the policy file elsewhere."""
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(machine, "POLICY", path)
    monkeypatch.setattr(machine, "can_apt", lambda: True)
    return path


def test_a_complete_python_makes_a_complete_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    modules = Modules(monkeypatch, "venv", "ensurepip", "pip")
    machine.make_venv(tmp_path / ".venv", apt=False)
    assert modules.ran == [[sys.executable, "-m", "venv", str(tmp_path / ".venv")]]


def test_without_ensurepip_the_systems_pip_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    modules = Modules(monkeypatch, "venv", "pip")
    machine.make_venv(tmp_path / ".venv", apt=False)
    assert modules.ran[0][3:] == ["--without-pip", str(tmp_path / ".venv")]


def test_without_ensurepip_and_pip_the_debian_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Modules(monkeypatch, "venv")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(BootError, match=r"apt-get install -y python3\.\d+-venv"):
        machine.make_venv(tmp_path / ".venv", apt=False)


def test_without_apt_the_fault_names_no_debian_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Modules(monkeypatch, "venv")
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(BootError, match="neither ensurepip nor pip"):
        machine.make_venv(tmp_path / ".venv", apt=False)


def test_with_apt_the_missing_package_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: Path
) -> None:
    modules = Modules(monkeypatch, "venv")
    monkeypatch.setattr(machine, "apt_install", lambda _packages: modules.present.add("ensurepip"))
    machine.make_venv(tmp_path / ".venv", apt=True)
    assert modules.ran[0][3:] == [str(tmp_path / ".venv")]


def test_a_failing_venv_gives_its_last_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Modules(monkeypatch, "venv", "ensurepip").answer = (1, "many\nwords\n")
    with pytest.raises(BootError, match=r"python -m venv failed: words"):
        machine.make_venv(tmp_path / ".venv", apt=False)


def test_an_environment_with_pip_uses_its_own(tmp_path: Path) -> None:
    (tmp_path / "lib" / "python3.11" / "site-packages" / "pip").mkdir(parents=True)
    assert machine.pip_for(tmp_path, Path("py")) == ["py", "-m", "pip"]


def test_an_environment_without_pip_is_served_from_outside(tmp_path: Path) -> None:
    assert machine.pip_for(tmp_path, Path("py")) == [sys.executable, "-m", "pip", "--python", "py"]


def test_debian_packages_are_installed_with_services_held_down(
    monkeypatch: pytest.MonkeyPatch, policy: Path
) -> None:
    seen: list[bool] = []

    def note(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> tuple[int, str]:
        seen.append(policy.exists() and "exit 101" in policy.read_text())
        assert environ is not None
        assert environ["DEBIAN_FRONTEND"] == "noninteractive"
        return 0, ""

    monkeypatch.setattr(machine, "capture", note)
    machine.apt_install(["nginx-light"])
    assert seen == [True, True]
    assert not policy.exists()


def test_an_administrators_own_policy_stays(monkeypatch: pytest.MonkeyPatch, policy: Path) -> None:
    policy.write_text("mine")
    Modules(monkeypatch)
    machine.apt_install(["nginx-light"])
    assert policy.read_text() == "mine"


def test_a_failing_apt_is_one_sentence(monkeypatch: pytest.MonkeyPatch, policy: Path) -> None:
    Modules(monkeypatch).answer = (100, "reading\nE: Unable to locate package nginx-light\n")
    with pytest.raises(BootError, match="apt-get update failed: E: Unable"):
        machine.apt_install(["nginx-light"])
    assert not policy.exists()


def test_installing_without_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "can_apt", lambda: False)
    with pytest.raises(BootError, match="needs root"):
        machine.apt_install(["nginx-light"])


def test_a_program_that_is_there_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "nginx" else f"/usr/bin/{name}")
    assert machine.missing_packages() == ["nginx-light"]


def test_a_program_that_cannot_start_does_not_run(tmp_path: Path) -> None:
    assert not machine.runs([str(tmp_path / "absent")])
    assert not machine.runs([sys.executable, "-c", "raise SystemExit(1)"])
    assert machine.runs([sys.executable, "-c", ""])


def test_removing_a_link_leaves_what_it_points_at(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    machine.remove(tmp_path / "link")
    assert (tmp_path / "real").exists()
    machine.remove(tmp_path / "real")
    machine.remove(tmp_path / "real")
    assert not (tmp_path / "real").exists()
