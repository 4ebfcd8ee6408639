"""A first config.yaml."""

from pathlib import Path

import pytest

from tests.support.locally import client, run


def test_what_is_written_has_no_faults(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    assert run(client(tmp_path), "init", str(path)) == 0
    assert path.read_text().startswith("# yaml-language-server: $schema=")
    assert run(client(tmp_path), "config", "check", str(path)) == 0


def test_a_file_that_exists_is_never_touched(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text("mine")
    assert run(client(tmp_path), "init", str(tmp_path / "c.yaml")) == 1
    assert (tmp_path / "c.yaml").read_text() == "mine"
    assert "exists" in capfd.readouterr().err


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(tmp_path), "init", str(tmp_path / "no" / "c.yaml")) == 1
    assert "cannot be written" in capfd.readouterr().err
