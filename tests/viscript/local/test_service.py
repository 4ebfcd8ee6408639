"""`service print` and `service install`."""

from pathlib import Path

import pytest

from tests.support.locally import client, run
from viscript.local import service
from viscript.local.units import DAEMON, KEEPER


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ordinary user's folder for units, whoever runs the tests."""
    monkeypatch.setattr(service, "_is_system", lambda: False)
    return tmp_path / "config" / "systemd" / "user"


def test_printing_writes_nothing(tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(tmp_path / "h"), "service", "print") == 0
    out = capfd.readouterr().out
    assert out.count("[Service]") == 2
    assert [*tmp_path.iterdir()] == []


def test_installing_needs_to_be_asked_twice(
    tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here = client(tmp_path / "h", XDG_CONFIG_HOME=str(tmp_path / "config"), VISCRIPT_CONFIG="c.yaml")
    assert run(here, "service", "install") == 0
    assert "nothing was written" in capfd.readouterr().out
    assert not folder.exists()
    assert run(here, "service", "install", "--apply") == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted((KEEPER, DAEMON))
    assert f"--config {Path.cwd()}/c.yaml" in (folder / DAEMON).read_text()
    assert (tmp_path / "h" / "run").is_dir()
    assert "enable --now" in capfd.readouterr().out


def test_a_folder_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").write_text("a file")
    here = client(tmp_path / "h", XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert run(here, "service", "install", "--apply") == 1
    assert "cannot be written" in capfd.readouterr().err
