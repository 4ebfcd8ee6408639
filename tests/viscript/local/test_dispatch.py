"""Client verbs are parsed and rendered like the daemon's."""

import json
from pathlib import Path

import pytest

from tests.support.locally import client, run


def test_a_verb_with_a_handler_of_its_own_runs_here(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(client(tmp_path), "version", "-o", "json") == 0
    assert set(json.loads(capfd.readouterr().out)) == {"version", "python"}


@pytest.mark.parametrize(
    "argv", [["version", "--nonsense"], ["completion"], ["completion", "tcsh"], ["init", "a", "b"]]
)
def test_a_usage_error_is_one_line_and_2(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    assert run(client(tmp_path), *argv) == 2
    err = capfd.readouterr().err
    assert "usage:" in err
    assert "Traceback" not in err


def test_an_error_in_json_is_data_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text("apps: 7\n")
    assert run(client(tmp_path), "config", "check", str(tmp_path / "bad.yaml"), "-o", "json") == 6
    assert json.loads(capfd.readouterr().out)[0]["line"] == 1


def test_output_may_be_asked_before_the_verb(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(tmp_path), "-o", "json", "version") == 0
    assert json.loads(capfd.readouterr().out)["version"]


def test_help_of_a_client_verb_needs_no_daemon(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(tmp_path), "watch", "--help") == 0
    assert "watch" in capfd.readouterr().out
