"""The lines typed before."""

from pathlib import Path

import pytest

from tests.support.locally import client, run


def test_lines_are_numbered_and_filtered(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "history").write_text("la\nru 7\nping 7\n")
    assert run(client(tmp_path), "history") == 0
    assert capfd.readouterr().out == "    1  la\n    2  ru 7\n    3  ping 7\n"
    assert run(client(tmp_path), "hi", "RU") == 0
    assert capfd.readouterr().out == "    2  ru 7\n"


def test_no_history_is_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(tmp_path), "history") == 0
    assert capfd.readouterr() == ("", "")
